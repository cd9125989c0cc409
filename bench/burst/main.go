// Command burst asks what becomes of many calls that come at once for a function of which nothing runs: how long the first
// and the last wait, how much longer the burst takes than its work, and whether more instances start than may.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

type options struct {
	server                harness.Options
	n, calls, concurrency int
	work                  time.Duration
}

func main() {
	var o options
	o.server.Driver = "auto"
	o.server.Flags(flag.CommandLine)
	flag.IntVar(&o.n, "n", 20, "bursts")
	flag.IntVar(&o.calls, "calls", 200, "calls of a burst")
	flag.IntVar(&o.concurrency, "concurrency", 4, "instances that the function may have")
	flag.DurationVar(&o.work, "work", 20*time.Millisecond, "how long one call works")
	harness.Main("burst", func(ctx context.Context) error { return run(ctx, o) })
}

const function = "burst"

type bench struct {
	options
	server *harness.Server
	caller *harness.Caller

	calls                        *harness.Samples // every call, from the burst's beginning to its answer
	first, last, over, instances []float64
}

func run(ctx context.Context, o options) (err error) {
	s, dir, end, err := harness.Begin(ctx, o.server, "burst")
	if err != nil {
		return err
	}
	defer end(&err)
	echo, err := s.BuildEcho(ctx, dir)
	if err != nil {
		return err
	}
	if err := s.Deploy(ctx, function, echo, map[string]any{"concurrency": o.concurrency, "eventsAtOnce": 1}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Undeploy(context.WithoutCancel(ctx), function)) }()
	b := &bench{options: o, server: s, caller: s.InvokeAPI(function, o.calls), calls: harness.NewSamples()}
	defer b.caller.Close()
	r := harness.NewReport("burst")
	if err := b.burst(ctx, harness.NewSamples()); err != nil { // unpacks the image
		return err
	}
	b.first, b.last, b.over, b.instances = nil, nil, nil, nil
	err = harness.Rounds(ctx, func(ctx context.Context, round int) error {
		for range harness.Share(o.n, round) {
			if err := b.burst(ctx, b.calls); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.Quantiles("burst_call", b.calls)
	r.Observe("burst_first_answer_ms", b.first)
	r.Observe("burst_last_answer_ms", b.last)
	r.Observe("burst_over_work", b.over)
	r.Observe("burst_instances", b.instances)
	r.Want("burst_instances", fmt.Sprintf("≤ %d", o.concurrency))
	return r.Print(os.Stdout)
}

// burst has all calls be made at once; one that fails ends it.
func (b *bench) burst(ctx context.Context, into *harness.Samples) error {
	if err := b.server.ToZero(ctx, function, harness.Absent); err != nil {
		return err
	}
	event, begin := fmt.Appendf(nil, `{"sleep":"%s"}`, b.work), time.Now()
	answers := harness.NewSamples()
	_, _, err := harness.Flood(ctx, b.options.calls, b.options.calls, func(ctx context.Context, _ int) error {
		_, err := b.caller.Call(ctx, event)
		answers.Add(time.Since(begin)) // from the beginning of all, whenever this one was sent
		return err
	})
	if err != nil {
		return err
	}
	all, err := b.server.Instances(ctx, function)
	if err != nil {
		return err
	}
	work := b.work.Seconds() * 1e3 * float64(b.options.calls) / float64(b.concurrency)
	into.Take(answers)
	b.first = append(b.first, answers.Ms(0))
	b.last = append(b.last, answers.MaxMs())
	b.over = append(b.over, answers.MaxMs()/work)
	b.instances = append(b.instances, float64(len(all)))
	if len(all) > b.concurrency {
		return fmt.Errorf("%d instances of a function that may have %d", len(all), b.concurrency)
	}
	return nil
}
