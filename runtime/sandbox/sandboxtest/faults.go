package sandboxtest

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/guest/client"
	"github.com/videosdgx/videosdgx/runtime/guest/wire"
)

// failure checks an error's class and that its log holds a text.
func (r *rig) failure(err error, class, log string) *client.Failure {
	r.Helper()
	var f *client.Failure
	if !errors.As(err, &f) {
		r.Fatalf("error %v is no failure of class %s", err, class)
	}
	if f.Class != class || !strings.Contains(string(f.LogTail), log) {
		r.Errorf("failure %s %q with log %q; want class %s and %q in the log", f.Class, f.Message, f.LogTail, class, log)
	}
	return f
}

func exitAtStart(r *rig) {
	b := r.started(func(g *wire.Config) { g.Env = map[string]string{"ECHO_INIT_FAIL": "no luck today"} })
	_, err := client.Ready(r.ctx(), b.Dial)
	f := r.failure(err, wire.ClassInit, "no luck today")
	if f.Exit != 3 || !errdefs.IsFailedPrecondition(err) {
		r.Errorf("exit %d, %v", f.Exit, err)
	}
	r.exited(b)
	if b.Exit().Code != 3 {
		r.Errorf("exit code %d", b.Exit().Code)
	}
}

func noSuchCommand(r *rig) {
	c := r.config(nil)
	c.Function.Command = []string{"/no/such/command"}
	b, err := r.Sandbox.Create(r.ctx(), c)
	if err == nil {
		r.Cleanup(func() { r.removeClean(b) })
		if err = b.Start(r.ctx()); err == nil {
			_, err = client.Ready(r.ctx(), b.Dial)
		}
	}
	if err == nil || !strings.Contains(err.Error(), "/no/such/command") {
		r.Errorf("a command that is not there: %v", err)
	}
}

func killInit(r *rig) {
	b := r.ready(nil)
	done := make(chan error, 1)
	entered := make(chan struct{})
	ctx := r.ctx()
	go func() {
		_, err := r.callProgress(ctx, b, `{"orphan":true,"progress":1,"sleep":"60s"}`, entered)
		done <- err
	}()
	<-entered
	r.KillInit(r.T, b.ID())
	if err := <-done; !client.Replace(err) || !errdefs.IsUnavailable(err) {
		r.Errorf("the invocation of a killed init: %v", err)
	}
	r.exited(b)
}

func orphans(r *rig) {
	b := r.ready(nil)
	if _, err := r.call(r.ctx(), b, `{"orphan":true}`, nil); err != nil {
		r.Fatal(err)
	}
	r.must(b.Stop(r.ctx(), 5*time.Second))
	r.exited(b)
}

func exitInEvent(r *rig) {
	b := r.ready(nil)
	_, err := r.call(r.ctx(), b, `{"log":"last words","exit":7}`, nil)
	f := r.failure(err, wire.ClassExit, "last words\n")
	if f.Exit != 7 || !f.Replace {
		r.Errorf("failure %+v", f)
	}
	r.exited(b)
	if b.Exit().Code != 7 {
		r.Errorf("exit code %d", b.Exit().Code)
	}
}

func timeout(r *rig) {
	b := r.ready(nil)
	_, err := r.call(r.ctx(), b, `{"log":"began","sleep":"60s","stubborn":true}`, func(h *wire.InvokeHead) {
		h.DeadlineMs = time.Now().Add(300 * time.Millisecond).UnixMilli()
	})
	f := r.failure(err, wire.ClassTimeout, "began\n")
	if !f.Replace || !errors.Is(err, context.DeadlineExceeded) {
		r.Errorf("failure %+v", f)
	}
	_, err = r.call(r.ctx(), b, `"next"`, nil)
	if f := r.failure(err, wire.ClassBusy, ""); f.Replace {
		r.Error("a busy instance need not be replaced")
	}
}

func cancel(r *rig) {
	b := r.ready(nil)
	err := cancelled(r, b, `{"progress":1,"sleep":"60s","watch":true}`, 5*time.Second)
	if !errors.Is(err, context.Canceled) || client.Replace(err) {
		r.Errorf("cancelled: %v, replace %v", err, client.Replace(err))
	}
	r.echo(b)
}

func cancelStubborn(r *rig) {
	b := r.ready(nil)
	err := cancelled(r, b, `{"progress":1,"sleep":"60s","stubborn":true}`, 100*time.Millisecond)
	if !errors.Is(err, context.Canceled) || !client.Replace(err) {
		r.Errorf("cancelled: %v, replace %v", err, client.Replace(err))
	}
}
