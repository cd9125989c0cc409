package sandboxtest

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/guest/client"
	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/instance"
)

func lifecycle(r *rig) {
	c := r.config(nil)
	b := r.create(c)
	if b.ID() != c.ID || b.Labels()["function"] != r.Echo.Name {
		r.Errorf("box is %q with labels %v", b.ID(), b.Labels())
	}
	r.must(b.Start(r.ctx()))
	s, err := client.Ready(r.ctx(), b.Dial)
	r.must(err)
	if s.InitMicros <= 0 {
		r.Errorf("ready after %d µs", s.InitMicros)
	}
	r.echo(b)
	_, err = r.call(r.ctx(), b, `{"log":"a line for the log"}`, nil)
	r.must(err)
	r.must(b.Stop(r.ctx(), 5*time.Second))
	r.exited(b)
	if b.Exit().Code != 128+15 || b.Exit().At.IsZero() {
		r.Errorf("exit after SIGTERM: %+v", b.Exit())
	}
	r.must(b.Stop(r.ctx(), time.Second))
	if b.Start(r.ctx()) == nil {
		r.Error("a stopped box started again")
	}
	if log, _ := os.ReadFile(c.Log); !strings.Contains(string(log), "a line for the log\n") {
		r.Errorf("log is %q", log)
	}
}

func staged(r *rig) {
	b := r.create(r.config(nil))
	select {
	case <-b.Exited():
		r.Error("a staged box has exited")
	default:
	}
	if conn, err := b.Dial(r.ctx()); err == nil {
		conn.Close()
		r.Error("a staged box answers")
	}
	r.must(b.Stop(r.ctx(), time.Second))
}

func doubleRemove(r *rig) {
	b := r.ready(nil)
	r.must(b.Remove(r.ctx()))
	r.must(b.Remove(r.ctx()))
	r.exited(b)
	if b.Start(r.ctx()) == nil {
		r.Error("a removed box started")
	}
}

func duplicateID(r *rig) {
	c := r.config(nil)
	b := r.create(c)
	if _, err := r.Sandbox.Create(r.ctx(), c); !errdefs.IsAlreadyExists(err) {
		r.Errorf("second Create: %v", err)
	}
	r.must(b.Start(r.ctx()))
	_, err := client.Ready(r.ctx(), b.Dial)
	r.must(err)
	r.echo(b)
}

func badConfig(r *rig) {
	c := r.config(nil)
	c.ID = "../up"
	if _, err := r.Sandbox.Create(r.ctx(), c); !errdefs.IsInvalidArgument(err) {
		r.Errorf("id with a path: %v", err)
	}
	c = r.config(nil)
	c.Function.Image, c.Function.Command = "", nil
	_, err := r.Sandbox.Create(r.ctx(), c)
	if !errdefs.IsInvalidArgument(err) {
		r.Errorf("nothing to run: %v", err)
	}
	if left := r.Traces(r.T, c.ID); len(left) > 0 {
		r.Errorf("a refused Create left %s", strings.Join(left, "; "))
	}
}

func concurrentCreates(r *rig) {
	const n = 6
	boxes := make([]instance.Box, n)
	configs := make([]instance.Config, n)
	for i := range configs {
		configs[i] = r.config(nil)
	}
	var wg sync.WaitGroup
	for i := range boxes {
		wg.Go(func() {
			b, err := r.Sandbox.Create(r.ctx(), configs[i])
			if err != nil {
				r.Errorf("Create: %v", err)
				return
			}
			boxes[i] = b
			if err := b.Start(r.ctx()); err != nil {
				r.Errorf("Start: %v", err)
			}
			if _, err := client.Ready(r.ctx(), b.Dial); err != nil {
				r.Errorf("Ready: %v", err)
			}
			if a, err := r.call(r.ctx(), b, `"hi"`, nil); err != nil || a.body != `"hi"` {
				r.Errorf("echo = %q, %v", a.body, err)
			}
		})
	}
	wg.Wait()
	for _, b := range boxes {
		if b != nil {
			wg.Go(func() { r.removeClean(b) })
		}
	}
	wg.Wait()
}

// ids gives what a driver lists of our own.
func ids(r *rig, sb instance.Sandbox) map[string]instance.Box {
	r.Helper()
	boxes, err := sb.List(r.ctx())
	r.must(err)
	m := map[string]instance.Box{}
	for _, b := range boxes {
		m[b.ID()] = b
	}
	return m
}

func list(r *rig) {
	staged, running := r.create(r.config(nil)), r.ready(nil)
	got := ids(r, r.Sandbox)
	for _, b := range []instance.Box{staged, running} {
		if l := got[b.ID()]; l == nil || l.Labels()["test"] != r.Name() {
			r.Errorf("%s is not listed with its labels", b.ID())
		}
	}
	r.must(running.Remove(r.ctx()))
	if got = ids(r, r.Sandbox); got[running.ID()] != nil {
		r.Error("a removed box is still listed")
	}
}

func adopt(r *rig) {
	running, waiting := r.ready(nil), r.create(r.config(nil))
	sb := r.Again(r.T)
	got := ids(r, sb)
	b, w := got[running.ID()], got[waiting.ID()]
	if b == nil || w == nil {
		r.Fatalf("another control plane lists %v", slices.Collect(keys(got)))
	}
	if b.Labels()["test"] != r.Name() {
		r.Errorf("labels are %v", b.Labels())
	}
	_, err := client.Ready(r.ctx(), b.Dial)
	r.must(err)
	r.echo(b)
	u, err := b.Usage(r.ctx())
	if err != nil || u.PIDs < 1 {
		r.Errorf("usage of an adopted box: %+v, %v", u, err)
	}
	r.must(b.Stop(r.ctx(), 5*time.Second))
	r.exited(b)
	r.removeClean(b)
	r.removeClean(w)
}

func adoptDead(r *rig) {
	b := r.ready(nil)
	r.KillInit(r.T, b.ID())
	r.exited(b)
	got := ids(r, r.Again(r.T))[b.ID()]
	if got == nil {
		return // a driver may have forgotten it, if it left no trace; Cleanup sees to that
	}
	r.exited(got)
	r.removeClean(got)
}

func keys(m map[string]instance.Box) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func usage(r *rig) {
	b := r.ready(nil)
	before, err := b.Usage(r.ctx())
	r.must(err)
	if before.PIDs < 1 || before.RSS <= 0 && before.Anon <= 0 {
		r.Errorf("usage %+v", before)
	}
	ctx, stop := context.WithCancel(r.ctx())
	entered, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		r.callProgress(ctx, b, `{"allocateMb":96,"progress":1,"sleep":"60s","watch":true}`, entered)
	}()
	<-entered
	during, err := b.Usage(r.ctx())
	if err != nil || during.Anon < before.Anon+80<<20 {
		r.Errorf("96 MiB more, and anonymous memory went from %s to %s (%v)", before.Anon, during.Anon, err)
	}
	stop()
	<-done
}

func freeze(r *rig) {
	b := r.ready(nil)
	f, ok := b.(instance.Freezer)
	if !ok {
		r.Skip("this driver does not freeze")
	}
	r.must(f.Freeze(r.ctx()))
	done := make(chan error, 1)
	ctx := r.ctx()
	go func() {
		_, err := r.call(ctx, b, `"frozen"`, nil)
		done <- err
	}()
	select {
	case err := <-done:
		r.Fatalf("a frozen instance answered: %v", err)
	case <-time.After(150 * time.Millisecond): // nothing can be waited for but time
	}
	r.must(f.Thaw(r.ctx()))
	r.must(<-done)
	r.must(f.Freeze(r.ctx()))
	r.must(b.Stop(r.ctx(), 2*time.Second))
}

func stopStubborn(r *rig) {
	c := r.config(func(g *wire.Config) { g.Env = map[string]string{"ECHO_IGNORE_TERM": "1"} })
	b := r.create(c)
	r.must(b.Start(r.ctx()))
	_, err := client.Ready(r.ctx(), b.Dial)
	r.must(err)
	r.must(b.Stop(r.ctx(), 100*time.Millisecond))
	r.exited(b)
	if code := b.Exit().Code; code != 128+9 {
		r.Errorf("exit code %d after SIGKILL", code)
	}
}
