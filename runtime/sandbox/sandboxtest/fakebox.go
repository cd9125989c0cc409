package sandboxtest

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// FakeBox is an instance of a Fake.
type FakeBox struct {
	fake *Fake
	cfg  instance.Config

	mu      sync.Mutex
	guest   wire.Config
	started bool
	removed bool
	begin   time.Time
	held    int // events in the function
	anon    spec.Bytes
	logged  string
	initErr *wire.FailHead
	conns   map[net.Conn]struct{}
	exit    instance.Exit
	exited  chan struct{}
	thawed  chan struct{} // closed while not frozen
	wg      sync.WaitGroup
}

// ID gives the instance's id.
func (b *FakeBox) ID() string { return b.cfg.ID }

// Labels gives what Create was given.
func (b *FakeBox) Labels() map[string]string { return b.cfg.Labels }

// Exited is closed when the instance has ended.
func (b *FakeBox) Exited() <-chan struct{} { return b.exited }

// Exit is valid after Exited.
func (b *FakeBox) Exit() instance.Exit {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.exit
}

// Start lets the script's initialisation run.
func (b *FakeBox) Start(context.Context) error {
	if err := b.fake.fault("start", b.cfg.ID); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.started || b.removed {
		return fmt.Errorf("instance %s is not staged: %w", b.cfg.ID, errdefs.ErrFailedPrecondition)
	}
	b.guest = b.guestConfig()
	b.started, b.begin, b.conns = true, time.Now(), map[net.Conn]struct{}{}
	b.initialise()
	return nil
}

// initialise fails as a function would that exits at its start; it stays until somebody has been told why. The caller
// holds mu.
func (b *FakeBox) initialise() {
	switch {
	case len(b.cfg.Function.Command) > 0 && b.cfg.Function.Command[0] == "/no/such/command":
		b.failInit(127, "the command /no/such/command cannot be run here")
	case b.guest.Env["ECHO_INIT_FAIL"] != "":
		b.append("told to fail: " + b.guest.Env["ECHO_INIT_FAIL"])
		b.failInit(3, "the function exited with status 3 before it was ready")
	}
}

func (b *FakeBox) failInit(code int, why string) {
	b.initErr = &wire.FailHead{Class: wire.ClassInit, Message: why, Exit: code, LogTail: []byte(b.logged)}
}

// Dial connects to the instance's goroutines.
func (b *FakeBox) Dial(context.Context) (net.Conn, error) {
	if err := b.fake.fault("dial", b.cfg.ID); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-b.exited:
		return nil, fmt.Errorf("instance %s has ended: %w", b.cfg.ID, errdefs.ErrUnavailable)
	default:
	}
	if !b.started {
		return nil, fmt.Errorf("instance %s is staged: %w", b.cfg.ID, errdefs.ErrUnavailable)
	}
	near, far := net.Pipe()
	b.conns[far] = struct{}{}
	b.wg.Go(func() { b.serve(far) })
	return near, nil
}

// Stop ends it; a script that ignores SIGTERM gets its grace.
func (b *FakeBox) Stop(ctx context.Context, grace time.Duration) error {
	if err := b.fake.fault("stop", b.cfg.ID); err != nil {
		return err
	}
	b.mu.Lock()
	running, deaf := b.started, b.guest.Env["ECHO_IGNORE_TERM"] != ""
	b.mu.Unlock()
	if !running {
		return nil
	}
	if deaf {
		select {
		case <-time.After(grace):
		case <-ctx.Done():
		}
		b.end(128 + 9)
		return nil
	}
	b.end(128 + 15)
	return nil
}

// Remove ends it and forgets it.
func (b *FakeBox) Remove(context.Context) error {
	if err := b.fake.fault("remove", b.cfg.ID); err != nil {
		return err
	}
	b.mu.Lock()
	b.removed = true
	started := b.started
	b.mu.Unlock()
	if started {
		b.end(128 + 9)
		b.wg.Wait()
	}
	m := b.fake.Machine
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.boxes, b.cfg.ID)
	return nil
}

// end is the death of the function: every connection breaks.
func (b *FakeBox) end(code int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-b.exited:
		return
	default:
	}
	b.exit = instance.Exit{Code: code, At: time.Now()}
	for c := range b.conns {
		c.Close()
	}
	close(b.exited)
}

// Usage gives what the script says it holds.
func (b *FakeBox) Usage(context.Context) (instance.Usage, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.started {
		return instance.Usage{}, nil
	}
	return instance.Usage{RSS: b.anon + 8<<20, Anon: b.anon + 4<<20, File: 4 << 20, PIDs: 2}, nil
}

// Freeze lets events wait.
func (b *FakeBox) Freeze(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.thawed = make(chan struct{})
	return nil
}

// Thaw lets them go on.
func (b *FakeBox) Thaw(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.thawed)
	return nil
}
