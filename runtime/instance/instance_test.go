package instance

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/containerd/errdefs"
	"go.uber.org/goleak"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var states = []spec.State{spec.Absent, spec.Staged, spec.Starting, spec.Restoring, spec.Idle, spec.Busy, spec.Draining, spec.Stopped}

func TestChart(t *testing.T) {
	legal := map[string]bool{}
	for _, s := range strings.Fields(`absent>staged absent>restoring absent>stopped staged>starting staged>stopped
		starting>idle starting>stopped restoring>idle restoring>stopped idle>busy idle>draining idle>stopped
		busy>idle busy>draining busy>stopped draining>stopped`) {
		legal[s] = true
	}
	for _, from := range states {
		for _, to := range states {
			l := life{id: "x", state: from}
			err := l.to(to)
			if want := legal[string(from)+">"+string(to)]; want != (err == nil) {
				t.Errorf("%s to %s: %v", from, to, err)
			}
			var typed *TransitionError
			if err != nil && (!errors.As(err, &typed) || typed.From != from || typed.To != to || !errdefs.IsFailedPrecondition(err)) {
				t.Errorf("%s to %s: error %#v", from, to, err)
			}
		}
	}
}

func TestGate(t *testing.T) {
	var g gate
	if ok, frozen := g.enter(); ok || frozen {
		t.Error("a gate is open before it is opened")
	}
	g.open()
	var work sync.WaitGroup
	for range 100 {
		work.Go(func() {
			if ok, _ := g.enter(); !ok || g.freeze() {
				t.Error("did not enter, or froze with events inside")
			}
		})
	}
	work.Wait()
	if n := g.close(); n != 100 || g.inside() != 100 {
		t.Errorf("%d inside", n)
	}
	for i := range 100 {
		if last := g.leave(); last != (i == 99) {
			t.Errorf("event %d is the last: %v", i, last)
		}
	}
	g.open()
	if !g.freeze() || !g.frozen() {
		t.Error("an empty gate does not freeze")
	}
	if ok, frozen := g.enter(); ok || !frozen {
		t.Error("entered a frozen gate")
	}
	g.thaw()
	if ok, _ := g.enter(); !ok {
		t.Error("thawed and not open")
	}
}

// failing is a driver that cannot create.
type failing struct{ Sandbox }

func (failing) Info() Info                                  { return Info{} }
func (failing) Create(context.Context, Config) (Box, error) { return nil, errors.New("disk full") }

func TestFailedCreationLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	i := New(Config{ID: "x", Dir: dir + "/run/x", Log: dir + "/log/x.log"}, failing{}, slog.New(slog.DiscardHandler), nil)
	if _, err := i.Stage(t.Context()); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("got %v", err)
	}
	i.Stop(t.Context(), 0)
	i.Stop(t.Context(), 0)
	if left, _ := filepath.Glob(dir + "/run/*"); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	if s := i.Status(); s.State != spec.Stopped {
		t.Errorf("state %s", s.State)
	}
	over := false
	_, err := i.Invoke(t.Context(), &spec.Invocation{}, func(bool) { over = true })
	var lost *NotDelivered
	if !errors.As(err, &lost) || !over {
		t.Errorf("an event for a stopped instance: %v", err)
	}
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if got := tail(path, 3); got != "" {
		t.Errorf("of no file: %q", got)
	}
	text := strings.Repeat("a line that is long enough to matter\n", 1000) + "x\ny\nz\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := tail(path, 3); got != "x\ny\nz" {
		t.Errorf("got %q", got)
	}
}
