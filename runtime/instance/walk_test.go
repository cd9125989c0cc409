package instance

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestStepsThatTheChartDoesNotHave are typed errors and change nothing.
func TestStepsThatTheChartDoesNotHave(t *testing.T) {
	for from, next := range transitions {
		for to := range transitions {
			l := life{id: "x", state: from}
			err := l.to(to)
			if slices.Contains(next, to) {
				if err != nil || l.state != to {
					t.Errorf("%s to %s: %v", from, to, err)
				}
				continue
			}
			var typed *TransitionError
			if !errors.As(err, &typed) || typed.From != from || typed.To != to || !errdefs.IsFailedPrecondition(err) || l.state != from {
				t.Errorf("%s to %s: error %#v, now %s", from, to, err, l.state)
			}
		}
	}
}

// TestTheWholeChartIsWalked: what an instance really does, in good days and bad, is exactly what the chart has.
func TestTheWholeChartIsWalked(t *testing.T) {
	var mu sync.Mutex
	took := map[[2]spec.State]bool{}
	for name, walk := range walks {
		t.Run(name, func(t *testing.T) {
			w := newWalker(t)
			_ = w.i.do(func(l *life) error {
				l.walked = func(from, to spec.State) {
					mu.Lock()
					defer mu.Unlock()
					took[[2]spec.State{from, to}] = true
				}
				return nil
			})
			walk(w)
			w.i.Stop(context.Background(), 0)
			if s := w.i.Status().State; s != spec.Stopped {
				t.Errorf("ends %s", s)
			}
		})
	}
	for from, next := range transitions {
		for _, to := range next {
			if !took[[2]spec.State{from, to}] {
				t.Errorf("nothing ever goes from %s to %s", from, to)
			}
		}
	}
}

var walks = map[string]func(*walker){
	"never staged":          func(*walker) {},
	"staged, not needed":    func(w *walker) { w.stage() },
	"does not start":        func(w *walker) { w.stage(); w.fail["start"] = true; w.refused(w.start()) },
	"serves":                func(w *walker) { w.serve(); w.must(w.event()) },
	"dies idle":             func(w *walker) { w.serve(); w.die() },
	"restored":              func(w *walker) { w.must(w.restore()); w.must(w.event()) },
	"does not restore":      func(w *walker) { w.fail["restore"] = true; w.refused(w.restore()) },
	"frozen and thawed":     func(w *walker) { w.frozen(); w.must(w.event()); w.must(w.freeze()) },
	"does not freeze":       func(w *walker) { w.serve(); w.fail["freeze"] = true; w.refused(w.freeze()); w.must(w.event()) },
	"does not thaw":         func(w *walker) { w.frozen(); w.fail["thaw"] = true; w.refused(w.event()) },
	"dies while it freezes": func(w *walker) { w.serve(); w.on["freeze"] = w.die; w.refused(w.freeze()) },
	"dies frozen":           func(w *walker) { w.frozen(); w.die() },
	"dies while it thaws":   func(w *walker) { w.frozen(); w.on["thaw"] = w.die; w.refused(w.event()) },
	"checkpointed, goes on": func(w *walker) { w.serve(); w.must(w.checkpoint(false)); w.must(w.event()) },
	"checkpointed, ends":    func(w *walker) { w.serve(); w.on["checkpoint"] = w.die; w.must(w.checkpoint(true)) },
	"checkpointed, stays":   func(w *walker) { w.serve(); w.must(w.checkpoint(true)) },
	"does not checkpoint": func(w *walker) {
		w.serve()
		w.fail["checkpoint"] = true
		w.refused(w.checkpoint(true))
		w.must(w.event())
	},
	"freezes only in a doze": func(w *walker) { w.serve(); w.must(w.i.Freeze(w.t.Context())); w.seen("start") },
	"an event is first": func(w *walker) {
		w.serve()
		w.i.Doze()
		w.must(w.event())
		w.must(w.i.Freeze(w.t.Context()))
		w.seen("start")
	},
}

// walker is an instance and a driver of one box that fails, or does something else first, where it is told to.
type walker struct {
	Box
	t      *testing.T
	i      *Instance
	fail   map[string]bool
	on     map[string]func()
	did    []string
	once   sync.Once
	exited chan struct{}
	wg     sync.WaitGroup
}

func newWalker(t *testing.T) *walker {
	dir := t.TempDir()
	w := &walker{t: t, fail: map[string]bool{}, on: map[string]func(){}, exited: make(chan struct{})}
	w.i = New(Config{ID: "i", Dir: filepath.Join(dir, "i"), Log: filepath.Join(dir, "log"), Function: spec.Function{
		Name: "f", EventsAtOnce: 1, Timeout: spec.Duration(time.Minute), InitTimeout: spec.Duration(time.Minute),
	}}, w, slog.New(slog.DiscardHandler), nil)
	t.Cleanup(w.wg.Wait)
	return w
}

func (w *walker) step(name string) error {
	if f := w.on[name]; f != nil {
		f()
	}
	if w.fail[name] {
		return errors.New(name + " failed")
	}
	w.did = append(w.did, name)
	return nil
}

func (w *walker) Create(context.Context, Config) (Box, error)          { return w, nil }
func (w *walker) Restore(context.Context, Config, string) (Box, error) { return w, w.step("restore") }
func (w *walker) List(context.Context) ([]Box, error)                  { return nil, nil }
func (w *walker) Info() Info                                           { return Info{Restores: true} }
func (w *walker) Start(context.Context) error                          { return w.step("start") }
func (w *walker) Freeze(context.Context) error                         { return w.step("freeze") }
func (w *walker) Thaw(context.Context) error                           { return w.step("thaw") }
func (w *walker) Checkpoint(context.Context, string, bool) error       { return w.step("checkpoint") }
func (w *walker) Exited() <-chan struct{}                              { return w.exited }
func (w *walker) Exit() Exit                                           { return Exit{} }
func (w *walker) Stop(context.Context, time.Duration) error            { return nil }
func (w *walker) Remove(context.Context) error                         { w.kill(); return nil }
func (w *walker) kill()                                                { w.once.Do(func() { close(w.exited) }) }

func (w *walker) Dial(context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	w.wg.Go(func() {
		defer far.Close()
		for {
			switch kind, _, err := wire.ReadFrame(far, nil); {
			case err != nil:
				return
			case kind == wire.Ready:
				_ = wire.WriteJSON(far, wire.State, wire.StateHead{})
			case kind == wire.Restored, kind == wire.Prepare:
				_ = wire.WriteFrame(far, wire.End, nil)
			case kind == wire.End:
				_ = wire.WriteJSON(far, wire.Head, wire.ResponseHead{})
				_ = wire.WriteJSON(far, wire.End, wire.InvokeEnd{})
			}
		}
	})
	return near, nil
}

func (w *walker) stage() { _, err := w.i.Stage(w.t.Context()); w.must(err) }
func (w *walker) start() error {
	_, _, err := w.i.Start(w.t.Context(), time.Now())
	return err
}
func (w *walker) serve()        { w.stage(); w.must(w.start()) }
func (w *walker) frozen()       { w.serve(); w.must(w.freeze()); w.seen("start", "freeze") }
func (w *walker) freeze() error { w.i.Doze(); return w.i.Freeze(w.t.Context()) }
func (w *walker) checkpoint(exit bool) error {
	return w.i.Checkpoint(w.t.Context(), w.t.TempDir(), exit)
}

func (w *walker) restore() error {
	_, _, err := w.i.Restore(w.t.Context(), w.t.TempDir(), time.Now())
	return err
}

func (w *walker) event() error {
	r, err := w.i.Invoke(w.t.Context(), &spec.Invocation{ID: "1"}, func(bool) {})
	if err == nil {
		_, err = io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	return err
}

// die ends the processes, and returns when the owner has heard of it.
func (w *walker) die() {
	w.kill()
	for end := time.Now().Add(time.Minute); w.i.Status().State != spec.Stopped; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatal("its end is not heard of")
		}
	}
}

func (w *walker) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Error(err)
	}
}

func (w *walker) refused(err error) {
	w.t.Helper()
	if err == nil {
		w.t.Error("no error")
	}
}

// seen checks what the driver has done so far.
func (w *walker) seen(want ...string) {
	w.t.Helper()
	if !slices.Equal(w.did, want) {
		w.t.Errorf("the driver did %v, want %v", w.did, want)
	}
}
