// Command warm asks what a warm invocation costs: from an HTTP client through the gateway and the instance's init to the
// function, which gives the event back, and to the client again. One call at a time through the Invoke API and through
// the function's URL; with events of several sizes, which their function gives back unread, since what its JSON costs is
// not ours; with several callers at the same time; and with calls that come when
// they come, whether or not earlier ones have been answered.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/videosdgx/videosdgx/bench/harness"
)

type options struct {
	server                harness.Options
	n, warmup, workers    int
	concurrency, together int
	sizes, callers        string
}

func main() {
	var o options
	o.server.Driver = "auto"
	o.server.Flags(flag.CommandLine)
	flag.IntVar(&o.n, "n", 2000, "calls per question")
	flag.IntVar(&o.warmup, "warmup", 200, "calls per question before that are not counted")
	flag.StringVar(&o.sizes, "sizes", "1KiB,64KiB,1MiB,5MiB", "sizes of events; of each a twentieth of the calls")
	flag.IntVar(&o.workers, "workers", 8, "callers at the same time when asking for throughput")
	flag.StringVar(&o.callers, "callers", "2,4,16,32", "other numbers of callers at the same time")
	flag.IntVar(&o.concurrency, "concurrency", 4, "instances of the function")
	flag.IntVar(&o.together, "together", 2, "events that one instance takes at the same time")
	harness.Main("warm", func(ctx context.Context) error { return run(ctx, o) })
}

func run(ctx context.Context, o options) (err error) {
	asked, err := o.questions()
	if err != nil {
		return err
	}
	s, dir, end, err := harness.Begin(ctx, o.server, "warm")
	if err != nil {
		return err
	}
	defer end(&err)
	echo, err := s.BuildEcho(ctx, dir)
	if err != nil {
		return err
	}
	r, name := harness.NewReport("warm"), fmt.Sprintf("bench-warm-%d", os.Getpid())
	functions := map[bool]string{false: name, true: name + "-raw"}
	for raw, name := range functions {
		set := map[string]any{"concurrency": o.concurrency, "eventsAtOnce": o.together}
		if raw {
			set["env"] = map[string]string{"ECHO_RAW": "1"}
		}
		if err := s.Deploy(ctx, name, echo, set); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Undeploy(context.WithoutCancel(ctx), name)) }()
	}
	err = harness.Rounds(ctx, func(ctx context.Context, round int) error {
		for _, q := range asked {
			if err := q.ask(ctx, s, functions[q.raw], round); err != nil {
				return fmt.Errorf("%s: %w", q.name, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, q := range asked {
		q.report(r)
	}
	r.Want("warm_p50_ms", "≤ 0.4")
	r.Want("warm_p99_ms", "≤ 2")
	r.Want("warm_per_s", "≥ 3000")
	return r.Print(os.Stdout)
}

// questions are all that is asked in every round.
func (o options) questions() (all []*question, err error) {
	ask := func(q question) {
		q.n, q.samples = max(q.n, 1), harness.NewSamples()
		q.warmup = o.warmup * q.n / max(o.n, 1)
		if q.event == nil {
			q.event = []byte("{}")
		}
		all = append(all, &q)
	}
	ask(question{name: "warm", n: o.n, workers: 1})
	ask(question{name: "url", n: o.n, workers: 1, url: true})
	ask(question{name: "warm_busy", perSecond: "warm_per_s", n: o.n, workers: o.workers})
	ask(question{name: "url_busy", perSecond: "url_per_s", n: o.n, workers: o.workers, url: true})
	ask(question{name: "warm_open", n: o.n / 2, workers: 64, rate: 300})
	callers, err := numbers(o.callers)
	for _, w := range callers {
		name := fmt.Sprintf("callers_%d", w)
		ask(question{name: name, perSecond: name + "_per_s", n: o.n / 2, workers: w})
	}
	for size := range strings.SplitSeq(o.sizes, ",") {
		bytes, bad := harness.ParseSize(size)
		err = errors.Join(err, bad)
		ask(question{name: "event_" + harness.ShortSize(size), n: o.n / 20, workers: 1, event: text(bytes), raw: true})
	}
	return all, err
}

// text is an event of so many bytes: a JSON string.
func text(bytes int64) []byte { return []byte(`"` + strings.Repeat("v", int(max(bytes-2, 0))) + `"`) }

func numbers(list string) (all []int, err error) {
	for part := range strings.SplitSeq(list, ",") {
		var n int
		if _, err := fmt.Sscan(part, &n); err != nil || n < 1 {
			return nil, fmt.Errorf("-callers has %q: give numbers of callers, as in 2,8", part)
		}
		all = append(all, n)
	}
	return all, nil
}
