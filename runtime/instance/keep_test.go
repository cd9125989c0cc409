package instance

import (
	"context"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// keeping is a driver with one box, whose init answers every event and keeps connections when it is asked to.
type keeping struct {
	Box
	wg     sync.WaitGroup
	open   chan int // the number of connections that are open, whenever it changes
	n      int
	mu     sync.Mutex
	exited chan struct{}
	frozen func() // called by Freeze
	half   bool   // the function dies in the middle of every answer
}

func (k *keeping) Create(context.Context, Config) (Box, error)          { return k, nil }
func (k *keeping) List(context.Context) ([]Box, error)                  { return nil, nil }
func (k *keeping) Info() Info                                           { return Info{Restores: true} }
func (k *keeping) Start(context.Context) error                          { return nil }
func (k *keeping) Exited() <-chan struct{}                              { return k.exited }
func (k *keeping) Exit() Exit                                           { return Exit{Code: 7} }
func (k *keeping) Stop(context.Context, time.Duration) error            { return nil }
func (k *keeping) Remove(context.Context) error                         { k.wg.Wait(); return nil }
func (k *keeping) Freeze(context.Context) error                         { k.frozen(); return nil }
func (k *keeping) Thaw(context.Context) error                           { return nil }
func (k *keeping) Restore(context.Context, Config, string) (Box, error) { return k, nil }
func (k *keeping) Dial(context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	k.count(+1)
	k.wg.Go(func() { k.serve(far); far.Close(); k.count(-1) })
	return near, nil
}

func (k *keeping) count(d int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.n += d
	k.open <- k.n
}

func (k *keeping) serve(c net.Conn) {
	for {
		switch kind, _, err := wire.ReadFrame(c, nil); {
		case err != nil:
			return
		case kind == wire.Ready:
			wire.WriteJSON(c, wire.State, wire.StateHead{})
		case kind == wire.End && k.half:
			wire.WriteJSON(c, wire.Head, wire.ResponseHead{})
			wire.WriteFrame(c, wire.Data, []byte("half"))
			wire.WriteJSON(c, wire.Fail, wire.FailHead{Class: wire.ClassExit, Message: "the function exited with status 7"})
		case kind == wire.End:
			wire.WriteJSON(c, wire.Head, wire.ResponseHead{})
			wire.WriteJSON(c, wire.End, wire.InvokeEnd{Kept: true})
		}
	}
}

// TestKeep: connections rest between events of an instance in service, and no freeze or stop finds one open; one that is
// not in service, such as one that will be checkpointed, never has any.
func TestKeep(t *testing.T) {
	k := &keeping{open: make(chan int, 100), exited: make(chan struct{})}
	i := k.start(t)
	k.expect(t, 1, 0) // Ready
	event(t, i)
	k.expect(t, 1, 0)
	i.Keep()
	event(t, i)
	event(t, i)
	k.expect(t, 1)
	k.frozen = func() { k.expect(t, 0) }
	i.Doze()
	if err := i.Freeze(t.Context()); err != nil {
		t.Fatal(err)
	}
	event(t, i)
	k.expect(t, 1)
	i.Stop(t.Context(), 0)
	k.expect(t, 0)
}

func (k *keeping) start(t *testing.T) *Instance {
	t.Helper()
	dir := t.TempDir()
	cfg := Config{ID: "i", Dir: filepath.Join(dir, "i"), Log: filepath.Join(dir, "log"), Function: spec.Function{
		Name: "f", EventsAtOnce: 1, Timeout: spec.Duration(time.Minute), InitTimeout: spec.Duration(time.Minute),
	}}
	i := New(cfg, k, slog.New(slog.DiscardHandler), nil)
	t.Cleanup(func() { i.Stop(context.Background(), 0) })
	if _, err := i.Stage(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := i.Start(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	return i
}

// TestDeathInTheMiddleOfAnAnswer is the function's failure, not the service's: what there is of the answer ends, and the
// trailer says why, also when nothing was streamed. A client that hears of a failed service would ask again.
func TestDeathInTheMiddleOfAnAnswer(t *testing.T) {
	k := &keeping{open: make(chan int, 100), exited: make(chan struct{}), half: true}
	i := k.start(t)
	replaced := false
	r, err := i.Invoke(t.Context(), &spec.Invocation{ID: "1"}, func(replace bool) { replaced = replace })
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r.Body)
	r.Body.Close()
	if s := r.Trailer(); err != nil || string(b) != "half" || s.FunctionError != "Unhandled" || s.ErrorType != "Runtime.ExitError" || !replaced {
		t.Errorf("%q, %v, %+v, replaced %v", b, err, s, replaced)
	}
}

func event(t *testing.T, i *Instance) {
	t.Helper()
	r, err := i.Invoke(t.Context(), &spec.Invocation{ID: "1"}, func(replace bool) {
		if replace {
			t.Error("replace")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r.Body); err != nil {
		t.Error(err)
	}
	r.Body.Close()
}

// expect checks the changes in the number of open connections since the last look; further ones would be found by the next.
func (k *keeping) expect(t *testing.T, want ...int) {
	t.Helper()
	for _, n := range want {
		if got := <-k.open; got != n {
			t.Errorf("%d open connections, want %d", got, n)
		}
	}
}
