package dispatch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"go.uber.org/goleak"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/placement"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sandbox is a driver whose instances are goroutines behind net.Pipe, so that it works in a synctest bubble.
type sandbox struct {
	mu      sync.Mutex
	boxes   map[string]*box
	created atomic.Int32
	most    int // boxes at the same time
	create  func(instance.Config) error
	unpack  time.Duration
	ready   func(*box) *wire.FailHead // what Ready is answered; nil: at once
	handle  func(*box, wire.InvokeHead, []byte) ([]byte, *wire.FailHead)
	usage   func(*box) instance.Usage
}

func newSandbox() *sandbox { return &sandbox{boxes: map[string]*box{}} }

func (s *sandbox) Info() instance.Info { return instance.Info{Name: "fake"} }

func (s *sandbox) Create(ctx context.Context, c instance.Config) (instance.Box, error) {
	if s.unpack > 0 { // an image is brought first
		select {
		case <-time.After(s.unpack):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	if s.create != nil {
		if err := s.create(c); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.created.Add(1)
	b := &box{s: s, cfg: c, exited: make(chan struct{})}
	s.boxes[c.ID] = b
	s.most = max(s.most, len(s.boxes))
	return b, nil
}

func (s *sandbox) List(context.Context) ([]instance.Box, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []instance.Box
	for _, b := range s.boxes {
		all = append(all, b)
	}
	return all, nil
}

func (s *sandbox) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.boxes)
}

// any gives one of a function's boxes.
func (s *sandbox) any(function string) *box {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.boxes {
		if b.cfg.Function.Name == function {
			return b
		}
	}
	return nil
}

type box struct {
	s       *sandbox
	cfg     instance.Config
	started atomic.Bool
	deaf    atomic.Bool // dial fails though it has not exited
	frozen  atomic.Int32
	once    sync.Once
	exited  chan struct{}
	exit    instance.Exit
}

func (b *box) ID() string                   { return b.cfg.ID }
func (b *box) Labels() map[string]string    { return b.cfg.Labels }
func (b *box) Exited() <-chan struct{}      { return b.exited }
func (b *box) Exit() instance.Exit          { return b.exit }
func (b *box) Start(context.Context) error  { b.started.Store(true); return nil }
func (b *box) Freeze(context.Context) error { b.frozen.Store(1); return nil }
func (b *box) Thaw(context.Context) error   { b.frozen.Store(2); return nil }
func (b *box) kill(code int)                { b.once.Do(func() { b.exit.Code = code; close(b.exited) }) }
func (b *box) Stop(context.Context, time.Duration) error {
	b.kill(143)
	return nil
}

func (b *box) Remove(context.Context) error {
	b.kill(137)
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	delete(b.s.boxes, b.cfg.ID)
	return nil
}

func (b *box) Usage(context.Context) (instance.Usage, error) {
	if b.s.usage != nil {
		return b.s.usage(b), nil
	}
	return instance.Usage{RSS: 8 << 20, Anon: 4 << 20}, nil
}

func (b *box) Dial(context.Context) (net.Conn, error) {
	select {
	case <-b.exited:
		return nil, errors.New("connection refused")
	default:
	}
	if b.deaf.Load() || !b.started.Load() {
		return nil, errors.New("connection refused")
	}
	ours, theirs := net.Pipe()
	go b.serve(theirs)
	return ours, nil
}

func (b *box) serve(c net.Conn) {
	defer c.Close()
	k, p, err := wire.ReadFrame(c, nil)
	for b.frozen.Load() == 1 && err == nil {
		select {
		case <-b.exited:
			return
		case <-time.After(time.Millisecond):
		}
	}
	if err != nil {
		return
	}
	switch k {
	case wire.Ready:
		if b.s.ready != nil {
			if f := b.s.ready(b); f != nil {
				_ = wire.WriteJSON(c, wire.Fail, f)
				b.kill(f.Exit)
				return
			}
		}
		_ = wire.WriteJSON(c, wire.State, wire.StateHead{InitMicros: 1})
	case wire.Restored:
		_ = wire.WriteFrame(c, wire.End, nil)
	case wire.Invoke:
		b.invoke(c, p)
	}
}

func (b *box) invoke(c net.Conn, p []byte) {
	var h wire.InvokeHead
	_ = json.Unmarshal(p, &h)
	var event []byte
	for {
		k, p, err := wire.ReadFrame(c, nil)
		if err != nil || k == wire.End {
			break
		}
		event = append(event, p...)
	}
	go func() { _, _ = io.Copy(io.Discard, c) }() // a Cancel must not block the other side
	out, fail := event, (*wire.FailHead)(nil)
	if b.s.handle != nil {
		out, fail = b.s.handle(b, h, event)
	}
	if fail != nil {
		_ = wire.WriteJSON(c, wire.Fail, fail)
		return
	}
	_ = wire.WriteJSON(c, wire.Head, wire.ResponseHead{ContentType: "application/json"})
	_ = wire.WriteFrame(c, wire.Data, out)
	_ = wire.WriteJSON(c, wire.End, wire.InvokeEnd{RunMicros: 5})
}

// catalogue is a Functions that a test changes at will.
type catalogue struct {
	mu  sync.Mutex
	all map[string]spec.Function
}

func (c *catalogue) Get(_ context.Context, name, version string) (spec.Function, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fn, ok := c.all[name]
	if !ok || (version != "" && version != fn.Version) {
		return fn, errdefs.ErrNotFound
	}
	return fn, nil
}

func (c *catalogue) List(context.Context) (all []spec.Function, _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, fn := range c.all {
		all = append(all, fn)
	}
	return all, nil
}

func (c *catalogue) Versions(_ context.Context, name string) ([]spec.Function, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if fn, ok := c.all[name]; ok {
		return []spec.Function{fn}, nil
	}
	return nil, errdefs.ErrNotFound
}

func (c *catalogue) Mistake(string) string { return "" }

// rig is a dispatcher on the fake.
type rig struct {
	*Dispatcher
	t   testing.TB
	cfg Config
	box *sandbox
	fns *catalogue
}

func newRig(t testing.TB, change ...func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, box: newSandbox(), fns: &catalogue{all: map[string]spec.Function{}}}
	dir := t.TempDir()
	r.cfg = Config{
		Functions: r.fns, Sandbox: r.box, RunDir: filepath.Join(dir, "run"), LogDir: filepath.Join(dir, "log"), Owner: "test",
		Log: slog.New(slog.DiscardHandler), Boots: 1000,
	}
	for _, c := range change {
		c(&r.cfg)
	}
	r.open()
	return r
}

func (r *rig) open() {
	r.t.Helper()
	d, err := New(r.cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	r.Dispatcher = d
}

func (r *rig) begin() {
	r.t.Helper()
	if err := r.Start(context.Background()); err != nil {
		r.t.Fatal(err)
	}
}

// end stops the dispatcher and checks that nothing is left.
func (r *rig) end() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = r.Stop(ctx)
	if n := r.box.count(); n != 0 {
		r.t.Errorf("%d boxes left", n)
	}
	if left, _ := filepath.Glob(filepath.Join(r.cfg.RunDir, "*")); len(left) > 0 {
		r.t.Errorf("folders left: %v", left)
	}
}

// function registers a function with sensible values, changed by f.
func (r *rig) function(name string, f ...func(*spec.Function)) {
	fn := spec.Function{
		Name: name, Version: "$LATEST", Digest: name + "-1", Command: []string{"x"}, Concurrency: 1, EventsAtOnce: 1,
		QueueLimit: 10000, Timeout: spec.Duration(time.Minute), InitTimeout: spec.Duration(time.Minute),
		KeepAlive: spec.Duration(time.Minute), CancelGrace: spec.Duration(time.Second),
		Limits: spec.Limits{Memory: spec.DefaultMemory, Payload: 6 << 20}, Snapshot: "auto",
	}
	for _, c := range f {
		c(&fn)
	}
	r.fns.mu.Lock()
	r.fns.all[name] = fn
	r.fns.mu.Unlock()
	r.Changed(name)
}

// call invokes and reads the answer.
func (r *rig) call(ctx context.Context, name, event string) (string, *spec.Result, error) {
	res, err := r.Invoke(ctx, spec.Invocation{ID: "i", Function: name, Payload: []byte(event)})
	if err != nil {
		return "", nil, err
	}
	defer res.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(res.Body)
	return b.String(), res, err
}

func (r *rig) must(name, event string) *spec.Result {
	r.t.Helper()
	got, res, err := r.call(context.Background(), name, event)
	if err != nil || got != event {
		r.t.Fatalf("%s(%s) = %q, %v", name, event, got, err)
	}
	return res
}

func pools(total spec.Bytes) func(*Config) {
	return func(c *Config) {
		c.Pools = func() []placement.Pool {
			return []placement.Pool{{Name: placement.System, Total: total, Available: -1}}
		}
	}
}

// takes makes every event last so long.
func (r *rig) takes(d time.Duration) {
	r.box.handle = func(_ *box, _ wire.InvokeHead, event []byte) ([]byte, *wire.FailHead) {
		time.Sleep(d)
		return event, nil
	}
}

// delete takes a function out of the catalogue.
func (r *rig) delete(name string) {
	r.fns.mu.Lock()
	delete(r.fns.all, name)
	r.fns.mu.Unlock()
	r.Changed(name)
}
