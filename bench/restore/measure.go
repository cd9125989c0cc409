package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

type bench struct {
	o    options
	s    *harness.Server
	r    *harness.Report
	criu criuTimes
	dir  string
}

// criuTimes hears the server's log, one line at a time, for what CRIU took of each restore.
type criuTimes chan time.Duration

var restored = regexp.MustCompile(`msg=restored .*criu=(\S+)`)

func (c criuTimes) Write(line []byte) (int, error) {
	if m := restored.FindSubmatch(line); m != nil {
		if d, err := time.ParseDuration(string(m[1])); err == nil {
			c <- d
		}
	}
	return len(line), nil
}

// drop forgets what was heard.
func (c criuTimes) drop() {
	for len(c) > 0 {
		<-c
	}
}

// next is the time of the restore that has just been seen to work.
func (c criuTimes) next() (time.Duration, error) {
	select {
	case d := <-c:
		return d, nil
	case <-time.After(5 * time.Second):
		return 0, errors.New("the server's log does not tell of the restore: did it start plainly?")
	}
}

// pair is one function twice: one that always starts plainly, one that always starts from its snapshot.
type pair struct {
	*bench
	name   string
	deploy func(ctx context.Context, name string, set map[string]any) error
}

func (b *bench) pair(name string, deploy func(context.Context, string, map[string]any) error) *pair {
	return &pair{b, name, deploy}
}

// snapshot is what the bench wants to know of one.
type snapshot struct {
	Bytes int64
	Dump  time.Duration `json:"dumpNanoseconds"`
}

type measured struct {
	plain, restored *harness.Samples // to the first byte of the answer
	criu, over      *harness.Samples // of restored: CRIU's own time, and the rest
	snapshot        snapshot
}

// measure starts the two in turns.
func (p *pair) measure(ctx context.Context, event string) (m measured, err error) {
	plain, always := p.name+"-plain", p.name+"-restore"
	for name, how := range map[string]string{plain: "off", always: "always"} {
		set := map[string]any{"snapshot": how, "snapshotOn": "publish", "snapshotEvent": event, "limits": map[string]any{"memory": "3GiB"}}
		if err := p.deploy(ctx, name, set); err != nil {
			return m, err
		}
	}
	if m.snapshot, err = p.checkpoint(ctx); err != nil {
		return m, err
	}
	m.plain, m.restored, m.criu, m.over = harness.NewSamples(), harness.NewSamples(), harness.NewSamples(), harness.NewSamples()
	for i := range p.o.warmup + p.o.n {
		a, err := p.start(ctx, plain, event)
		if err != nil {
			return m, fmt.Errorf("plain start %d: %w", i+1, err)
		}
		p.criu.drop()
		b, err := p.start(ctx, always, event)
		if err != nil {
			return m, fmt.Errorf("restore %d: %w", i+1, err)
		}
		criu, err := p.criu.next()
		if err != nil {
			return m, fmt.Errorf("restore %d: %w", i+1, err)
		}
		if i >= p.o.warmup {
			m.plain.Add(a)
			m.restored.Add(b)
			m.criu.Add(criu)
			m.over.Add(b - criu)
		}
	}
	p.r.Quantiles(p.name+"_plain", m.plain)
	p.r.Quantiles(p.name+"_restore", m.restored)
	return m, nil
}

// start has an instance made for one event and gives the time to the answer's first byte.
func (p *pair) start(ctx context.Context, name, event string) (time.Duration, error) {
	if err := p.none(ctx, name); err != nil {
		return 0, err
	}
	c := p.s.FunctionURL(name, 1)
	defer c.Close()
	took, err := c.Call(ctx, []byte(event))
	return took, errors.Join(err, p.none(ctx, name))
}

// none stops a function's instances and waits until they are gone.
func (p *pair) none(ctx context.Context, name string) error {
	var failed error
	err := p.s.Await(ctx, name, func(all []harness.Instance) bool {
		for _, i := range all {
			if i.State == "idle" {
				failed = errors.Join(failed, p.s.StopInstance(ctx, i.ID))
			}
		}
		return failed != nil || len(all) == 0
	})
	return errors.Join(failed, err)
}

// checkpoint makes and proves a snapshot.
func (p *pair) checkpoint(ctx context.Context) (s snapshot, err error) {
	return s, p.s.Call(ctx, http.MethodPost, "/api/v1/functions/"+p.name+"-restore/snapshots", nil, &s)
}

// checkpoints times n of them, as the function is stopped for each.
func (p *pair) checkpoints(ctx context.Context) (*harness.Samples, error) {
	dumps := harness.NewSamples()
	for range p.o.n {
		s, err := p.checkpoint(ctx)
		if err != nil {
			return nil, err
		}
		dumps.Add(s.Dump)
	}
	return dumps, nil
}
