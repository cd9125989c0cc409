package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// storm kills for the given time under load. After it every function must answer again.
func (b *bench) storm(ctx context.Context) (err error) {
	if b.load, err = newLoad(b.server.URL, b.workers); err != nil {
		return err
	}
	b.kills = map[string]*harness.Samples{}
	calling, hush := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); b.load.run(calling, b.workers, b.seed) }()
	err = b.load.answered(ctx, b.load.start)
	if err == nil {
		err = b.killing(ctx)
	}
	hush()
	<-done
	if err != nil {
		return fmt.Errorf("%w\nwrong so far:\n  %s", err, strings.Join(b.load.wrong, "\n  "))
	}
	return b.allAnswer(ctx)
}

func (b *bench) killing(ctx context.Context) error {
	kinds, err := b.victims(ctx)
	if err != nil {
		return err
	}
	for _, kind := range kinds {
		if kind != "plane" && len(b.things.find(kind)) == 0 {
			return fmt.Errorf("no %s of the server is to be seen, so none could be killed or be found to be left", kind)
		}
	}
	rng := rand.New(rand.NewPCG(b.seed, 0))
	for end := time.Now().Add(b.length); time.Now().Before(end); {
		select {
		case <-time.After(time.Duration(rng.ExpFloat64() * float64(b.between))):
		case <-ctx.Done():
			return ctx.Err()
		}
		kind := kinds[rng.IntN(len(kinds))]
		at, hit, err := b.kill(ctx, kind, rng)
		if err != nil {
			return fmt.Errorf("kill %s: %w", kind, err)
		}
		if !hit {
			continue
		}
		if err := b.load.answered(ctx, at); err != nil {
			return fmt.Errorf("no right answer within %v after the kill of %s: %w", patience, kind, err)
		}
		if b.kills[kind] == nil {
			b.kills[kind] = harness.NewSamples()
		}
		b.kills[kind].Add(time.Since(at))
	}
	return nil
}

// victims are the kinds asked for, less what the driver does not have.
func (b *bench) victims(ctx context.Context) (kinds []string, err error) {
	driver, err := b.server.Driver(ctx)
	for k := range strings.SplitSeq(b.options.kinds, ",") {
		if driver != "process" || k != "shim" && k != "containerd" {
			kinds = append(kinds, k)
		}
	}
	return kinds, err
}

// kill sends SIGKILL to a random victim of a kind; hit is false when there was none just then.
func (b *bench) kill(ctx context.Context, kind string, rng *rand.Rand) (at time.Time, hit bool, err error) {
	if kind == "plane" {
		at = time.Now()
		return at, true, b.crash(ctx, time.Duration(rng.Int64N(int64(300*time.Millisecond))))
	}
	all := b.things.find(kind)
	if len(all) == 0 {
		return at, false, nil
	}
	at = time.Now()
	return at, b.things.shoot(kind, all[rng.IntN(len(all))]), nil
}

// crash kills the control plane and starts it again after a pause.
func (b *bench) crash(ctx context.Context, pause time.Duration) error {
	b.load.down.begin()
	defer b.load.down.end()
	if err := b.server.Kill(); err != nil {
		return err
	}
	time.Sleep(pause)
	return b.server.Relaunch(ctx)
}

// allAnswer calls every function once.
func (b *bench) allAnswer(ctx context.Context) error {
	for i := range functions {
		c := b.server.InvokeAPI(function(i), 1)
		_, err := c.Call(ctx, []byte(`{"id":"after"}`))
		c.Close()
		if err != nil {
			return fmt.Errorf("function %s after the storm: %w", function(i), err)
		}
	}
	return nil
}
