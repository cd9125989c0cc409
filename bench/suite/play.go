package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// play starts the programs one after the other, each up to its first round, and then grants rounds in turn until all have
// ended. Never do two of them work at the same time; their servers rest while others have their turn. That way each
// program's rounds lie spread over the run, and their spread holds what drifts on the machine meanwhile. A program that
// takes no turns has run to its end before the next is started. One that fails does not keep the others from running, but
// is in the error.
func play(ctx context.Context, o Options, all []*player) ([]*harness.Report, error) {
	o.Out, o.Err = &shared{w: o.Out}, &shared{w: o.Err}
	for _, m := range all {
		fmt.Fprintf(o.Err, "bench/%s %s\n", m.Name, o.arguments(m.Program))
		if m.failed = m.start(ctx, o); m.failed == nil {
			m.wait()
		}
	}
	for round := 0; slices.ContainsFunc(all, (*player).playing); round++ {
		for _, m := range order(all, round) {
			if m.playing() {
				m.grant()
				m.wait()
			}
		}
	}
	var reports []*harness.Report
	var errs []error
	for _, m := range all {
		fmt.Fprintf(o.Err, "bench/%s had the machine for %.1f s\n", m.Name, m.worked.Seconds())
		if err := m.end(); err != nil {
			errs = append(errs, fmt.Errorf("bench/%s: %w", m.Name, err))
			continue
		}
		reports = append(reports, m.report)
	}
	return reports, errors.Join(errs...)
}

// shared is a writer that several programs write to.
type shared struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}

// order is turned about every other round, so that nobody always follows the same neighbour.
func order(all []*player, round int) []*player {
	if round%2 == 0 {
		return all
	}
	back := slices.Clone(all)
	slices.Reverse(back)
	return back
}
