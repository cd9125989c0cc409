package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

type bench struct {
	options
	server  *harness.Server
	callers []map[string]*harness.Caller // of each caller, by model
	event   []byte
	result  *harness.Report

	mu                sync.Mutex
	warm, cold, moved *harness.Samples // first bytes: met an instance, found room for one, had others evicted
	warmShare         []float64
	evicting          harness.Timing
	most              int64 // memory given to instances together
	over              int   // looks that found more given than there is
}

func newBench(o options, s *harness.Server) *bench {
	b := &bench{options: o, server: s, result: harness.NewReport("evict"), event: fmt.Appendf(nil, `{"sleep":"%s"}`, o.work)}
	b.warm, b.cold, b.moved = harness.NewSamples(), harness.NewSamples(), harness.NewSamples()
	for range o.callers {
		of := map[string]*harness.Caller{}
		for _, m := range models {
			of[m.name] = s.InvokeAPI(m.name, 1)
			of[m.name].Timing = new(harness.Timing)
		}
		b.callers = append(b.callers, of)
	}
	return b
}

func (b *bench) close() {
	for _, of := range b.callers {
		for _, c := range of {
			c.Close()
		}
	}
}

// round has every caller make its part of the calls, of models drawn by their weights, while the books are looked at.
func (b *bench) round(ctx context.Context, round int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	looked := make(chan struct{})
	looking, done := context.WithCancel(ctx)
	go func() { defer close(looked); b.look(looking, cancel) }()
	before := [2]int64{b.warm.N(), b.cold.N() + b.moved.N()}
	var work sync.WaitGroup
	for i, of := range b.callers {
		work.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(round), uint64(i)))
			for range harness.Share(b.n, round) / len(b.callers) {
				if err := b.call(ctx, of, draw(rng)); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	work.Wait()
	done()
	<-looked
	warm, cold := b.warm.N()-before[0], b.cold.N()+b.moved.N()-before[1]
	if warm+cold > 0 {
		b.warmShare = append(b.warmShare, float64(warm)/float64(warm+cold))
	}
	return context.Cause(ctx)
}

func draw(rng *rand.Rand) string {
	sum := 0
	for _, m := range models {
		sum += m.weight
	}
	at := rng.IntN(sum)
	for _, m := range models {
		if at -= m.weight; at < 0 {
			return m.name
		}
	}
	panic("the weights sum up to more than they are")
}

func (b *bench) call(ctx context.Context, of map[string]*harness.Caller, name string) error {
	c := of[name]
	took, err := c.Call(ctx, b.event)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	timing := c.Timing.Last
	switch {
	case !strings.Contains(timing, "cold"):
		b.warm.Add(took)
	case strings.Contains(timing, "evict;"):
		b.moved.Add(took)
		b.mu.Lock()
		b.evicting.Add(timing)
		b.mu.Unlock()
	default:
		b.cold.Add(took)
	}
	return nil
}

// look adds up again and again what instances have been given.
func (b *bench) look(ctx context.Context, fail func(error)) {
	size := map[string]int64{}
	for _, m := range models {
		size[m.name] = m.footprint
	}
	for {
		all, err := b.server.Instances(ctx, "")
		if err != nil && ctx.Err() == nil {
			fail(err)
		}
		given := int64(0)
		for _, i := range all {
			switch i.State {
			case "starting", "restoring", "idle", "busy", "draining": // others wait for room, or have given it back
				given += size[i.Function]
			}
		}
		if b.most = max(b.most, given); given > usable {
			b.over++
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(10 * time.Millisecond): // no more of the machine than that
		}
	}
}

func (b *bench) report() error {
	r := b.result
	for _, q := range []struct {
		name string
		of   *harness.Samples
	}{{"warm_first_byte", b.warm}, {"room_first_byte", b.cold}, {"evicting_first_byte", b.moved}} {
		if q.of.N() > 0 {
			r.Quantiles(q.name, q.of)
		}
	}
	r.Phases["evicting"] = b.evicting.Phases()
	r.Observe("warm_share", b.warmShare)
	r.Figure("starts_that_evicted", float64(b.moved.N()))
	r.Figure("given_most_gb", float64(b.most)/1e9)
	r.Want("given_most_gb", fmt.Sprintf("≤ %.0f", float64(usable)/1e9))
	r.Figure("over_committed", float64(b.over))
	r.Want("over_committed", "= 0")
	var err error
	switch {
	case b.over > 0:
		err = fmt.Errorf("instances had up to %.1f GB together of a GPU with %.1f", float64(b.most)/1e9, float64(usable)/1e9)
	case b.moved.N() == 0 && b.n >= 40:
		err = errors.New("nothing was evicted: the server does not see the simulated GPU, or it does not count there")
	}
	return errors.Join(r.Print(os.Stdout), err)
}
