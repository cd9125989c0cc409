package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/videosdgx/videosdgx/runtime/client"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// startTexts are the phases of a start in words.
var startTexts = map[string]string{
	spec.PhaseRoom: "waiting for memory", spec.PhaseImport: "importing the image", spec.PhasePull: "pulling the image",
	spec.PhaseUnpack: "unpacking the image", spec.PhaseStart: "starting", spec.PhaseInit: "getting ready",
	spec.PhaseRestore: "restoring", spec.PhaseRun: "running",
}

// phaseText is a phase in words: a start's, or the function's own word.
func phaseText(phase string) string {
	if t, ok := startTexts[phase]; ok {
		return t
	}
	return phase
}

// within is where in a phase something is: which step of how many, and how many bytes of how many.
func within(p client.Progress) (out string) {
	if p.Steps > 1 {
		out = fmt.Sprintf(" %d/%d", p.Step, p.Steps)
	}
	if p.Total > 0 {
		out += fmt.Sprintf(" %d/%d MiB", p.Done>>20, p.Total>>20)
	}
	return out
}

// startState is what a table says of an instance on its way up: its phase, and how much of it is done.
func startState(s spec.StartStep) string {
	switch {
	case s.Total > 0:
		return fmt.Sprintf("%s %d%%", s.Phase, 100*min(s.Done, s.Total)/s.Total)
	case s.Steps > 1:
		return fmt.Sprintf("%s %d/%d", s.Phase, s.Step, s.Steps)
	}
	return s.Phase
}

// How long a command waits in silence, and how often it looks then for what its function's instances do.
const (
	silence   = time.Second
	lookEvery = 500 * time.Millisecond
)

// showStart tells, until stop, how a function's instance comes up for which a command waits.
func showStart(ctx context.Context, c *client.Client, w io.Writer, function string) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s := newStartLine(w)
		defer s.end()
		for wait := silence; ; wait = lookEvery {
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return
			}
			up, err := c.Instances(ctx, function)
			if err != nil {
				return // who may invoke need not be allowed to see instances
			}
			s.show(up)
		}
	}()
	return func() { cancel(); <-done }
}

// startLine is one line, written over on a terminal; elsewhere a line for each phase.
type startLine struct {
	w     io.Writer
	again bool
	last  string
}

func newStartLine(w io.Writer) *startLine { return &startLine{w: w, again: redraws(w)} }

func (l *startLine) show(up []spec.InstanceStatus) {
	for _, i := range up {
		if i.Start == nil {
			continue
		}
		text := phaseText(i.Start.Phase)
		if l.again {
			p := i.Start.Progress()
			text += within(client.Progress{Step: p.Step, Steps: p.Steps, Done: p.Done, Total: p.Total})
		}
		if text == l.last {
			return
		}
		l.last = text
		if l.again {
			fmt.Fprint(l.w, "\r\x1b[K"+text)
		} else {
			fmt.Fprintln(l.w, text)
		}
		return
	}
}

// end takes the line away: the answer comes.
func (l *startLine) end() {
	if l.again && l.last != "" {
		fmt.Fprint(l.w, "\r\x1b[K")
	}
}
