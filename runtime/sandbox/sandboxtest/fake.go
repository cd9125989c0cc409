package sandboxtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/instance"
)

// Machine is what fakes run on: it outlives them, as a machine does control planes.
type Machine struct {
	mu    sync.Mutex
	boxes map[string]*FakeBox
}

// NewMachine makes an empty one.
func NewMachine() *Machine { return &Machine{boxes: map[string]*FakeBox{}} }

// Fake is a sandbox without processes: its instances speak the protocol of package wire from goroutines and run Script. It
// passes the suite. Set the fields before the first Create.
type Fake struct {
	Machine *Machine
	// Script is the function; nil is EchoScript.
	Script Script
	// Fault, when set, is asked before each step ("create", "start", "dial", "stop", "remove", "list"); an error makes the
	// step fail with it.
	Fault func(step, id string) error
}

var (
	_ instance.Sandbox = (*Fake)(nil)
	_ instance.Box     = (*FakeBox)(nil)
	_ instance.Freezer = (*FakeBox)(nil)
)

// NewFake makes a fake on a machine of its own.
func NewFake() *Fake { return &Fake{Machine: NewMachine()} }

// Info says that it is a fake.
func (f *Fake) Info() instance.Info {
	return instance.Info{Name: "fake", Version: "1", HostNetwork: true, Freezes: true, Lacks: []string{"everything: nothing runs"}}
}

func (f *Fake) fault(step, id string) error {
	if f.Fault == nil {
		return nil
	}
	return f.Fault(step, id)
}

// Create stages an instance.
func (f *Fake) Create(_ context.Context, c instance.Config) (instance.Box, error) {
	if err := f.fault("create", c.ID); err != nil {
		return nil, err
	}
	if c.ID == "" || strings.ContainsAny(c.ID, "/.") || len(c.Function.Command) == 0 && c.Function.Image == "" {
		return nil, fmt.Errorf("instance %q cannot be made as configured: %w", c.ID, errdefs.ErrInvalidArgument)
	}
	f.Machine.mu.Lock()
	defer f.Machine.mu.Unlock()
	if f.Machine.boxes[c.ID] != nil {
		return nil, fmt.Errorf("an instance %s is there already: %w", c.ID, errdefs.ErrAlreadyExists)
	}
	b := &FakeBox{fake: f, cfg: c, exited: make(chan struct{}), thawed: make(chan struct{})}
	close(b.thawed)
	f.Machine.boxes[c.ID] = b
	return b, nil
}

// List gives every instance of the machine.
func (f *Fake) List(context.Context) ([]instance.Box, error) {
	if err := f.fault("list", ""); err != nil {
		return nil, err
	}
	f.Machine.mu.Lock()
	defer f.Machine.mu.Unlock()
	list := make([]instance.Box, 0, len(f.Machine.boxes))
	for _, b := range f.Machine.boxes {
		list = append(list, b)
	}
	return list, nil
}

// Kill ends an instance as SIGKILL would.
func (m *Machine) Kill(id string) {
	m.mu.Lock()
	b := m.boxes[id]
	m.mu.Unlock()
	if b != nil {
		b.end(128 + 9)
	}
}

// Has says whether anything is left of an instance.
func (m *Machine) Has(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.boxes[id] != nil
}

// guestConfig reads what the control plane wrote for init.
func (b *FakeBox) guestConfig() wire.Config {
	c, err := wire.LoadConfig(b.cfg.Dir)
	if err != nil {
		c = wire.Config{Function: b.cfg.Function.Name, EventsAtOnce: 1}
	}
	return c
}

// log appends to the instance's log file.
func (b *FakeBox) log(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.append(line)
}

func (b *FakeBox) append(line string) {
	b.logged += line + "\n"
	if b.cfg.Log == "" || os.MkdirAll(filepath.Dir(b.cfg.Log), 0o755) != nil {
		return
	}
	f, err := os.OpenFile(b.cfg.Log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return
	}
	defer f.Close()
	fmt.Fprintln(f, line)
}
