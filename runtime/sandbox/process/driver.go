package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Options make a Driver.
type Options struct {
	Root string // folder for the driver's records and scratch, made if need be
	Init string // the videosdgx-init binary
}

// Driver is the process driver.
type Driver struct {
	opt Options

	mu    sync.Mutex
	boxes map[string]*box
}

var (
	_ instance.Sandbox = (*Driver)(nil)
	_ instance.Box     = (*box)(nil)
)

// New checks the options and makes a driver. It starts nothing.
func New(opt Options) (*Driver, error) {
	st, err := os.Stat(opt.Init)
	if err != nil || st.Mode()&0o111 == 0 {
		return nil, fmt.Errorf("videosdgx-init is not an executable at %q; build it with make build: %w", opt.Init, errdefs.ErrFailedPrecondition)
	}
	if opt.Root, err = filepath.Abs(opt.Root); err != nil {
		return nil, err
	}
	if opt.Init, err = filepath.Abs(opt.Init); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(opt.Root, 0o755); err != nil {
		return nil, fmt.Errorf("make the process driver's folder: %w", err)
	}
	return &Driver{opt: opt, boxes: map[string]*box{}}, nil
}

// Info says what is not isolated.
func (d *Driver) Info() instance.Info {
	return instance.Info{
		Name: "process", Version: kernel(), HostNetwork: true, Freezes: true,
		Lacks: []string{
			"files: functions see the whole file system with the server's rights",
			"network: functions share the machine's network",
			"users and privileges: functions run as the server's user",
			"processes: functions see all others, without PID namespace or seccomp profile",
			"limits: memory, CPU, process and scratch limits are not enforced",
			"images: only functions with a command run",
			"snapshots: instances cannot be checkpointed",
		},
	}
}

func kernel() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return "Linux " + unix.ByteSliceToString(u.Release[:])
}

// Create stages an instance: its record and its scratch folder.
func (d *Driver) Create(_ context.Context, c instance.Config) (instance.Box, error) {
	if err := cmp.Or(d.Runs(c.Function), check(c)); err != nil {
		return nil, err
	}
	gpus, err := c.Devices()
	if err != nil {
		return nil, err
	}
	b := newBox(d, descriptor{
		GPUs: gpus, ID: c.ID, Labels: c.Labels, Dir: c.Dir, Log: c.Log, Bundle: c.Bundle,
		Command: slices.Concat(c.Function.Command, c.Function.Args), WorkDir: workDir(c), Function: c.Function.Name,
	})
	if err := os.Mkdir(b.home, 0o755); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("an instance %s is there already: %w", c.ID, errdefs.ErrAlreadyExists)
		}
		return nil, fmt.Errorf("stage instance %s: %w", c.ID, err)
	}
	err = os.MkdirAll(filepath.Join(b.home, "scratch", "tmp"), 0o755)
	if err == nil {
		err = b.rec.save(b.home)
	}
	if err != nil {
		os.RemoveAll(b.home)
		return nil, fmt.Errorf("stage instance %s (is the disk full?): %w", c.ID, err)
	}
	d.keep(b)
	return b, nil
}

// Runs says why no instance of a function could be made here: InvalidArgument for one that is an image alone, or asks for devices that
// are no GPUs of NVIDIA's.
func (d *Driver) Runs(fn spec.Function) error {
	if len(fn.Command) == 0 {
		return fmt.Errorf("function %s has an image and no command, and the process driver cannot run images: "+
			"set command in its function.yaml, or serve with --driver containerd: %w", fn.Name, errdefs.ErrInvalidArgument)
	}
	for _, name := range fn.GPUs {
		if fn.GPUs.Any() == 0 && name != "all" && !strings.HasPrefix(name, "nvidia.com/gpu=") {
			return fmt.Errorf("function %s asks for %s, and the process driver gives NVIDIA's GPUs alone: nvidia.com/gpu=0 would do, or serve with --driver containerd: %w",
				fn.Name, name, errdefs.ErrInvalidArgument)
		}
	}
	return nil
}

func check(c instance.Config) error {
	switch {
	case !validID(c.ID):
		return fmt.Errorf("instance id %q: letters, digits and '-', at most 60: %w", c.ID, errdefs.ErrInvalidArgument)
	case c.Dir == "":
		return fmt.Errorf("instance %s has no folder: %w", c.ID, errdefs.ErrInvalidArgument)
	}
	return nil
}

func validID(id string) bool {
	plain := func(r rune) bool {
		return r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	return id != "" && len(id) <= 60 && strings.TrimFunc(id, plain) == ""
}

// workDir is where the command starts: the manifest's workDir, relative to the manifest's folder, which is the default.
func workDir(c instance.Config) string {
	if filepath.IsAbs(c.Function.WorkDir) {
		return c.Function.WorkDir
	}
	return filepath.Join(c.Function.Dir, c.Function.WorkDir)
}

// List gives every instance with a record, also those of an earlier control plane.
func (d *Driver) List(context.Context) ([]instance.Box, error) {
	entries, err := os.ReadDir(d.opt.Root)
	if err != nil {
		return nil, fmt.Errorf("list instances: %w", err)
	}
	list := make([]instance.Box, 0, len(entries))
	for _, e := range entries {
		if e.IsDir() && validID(e.Name()) {
			list = append(list, d.find(e.Name()))
		}
	}
	return list, nil
}

// find gives the box of an id: the one of this process, or one made from the record.
func (d *Driver) find(id string) *box {
	d.mu.Lock()
	defer d.mu.Unlock()
	if b := d.boxes[id]; b != nil {
		return b
	}
	b := newBox(d, descriptor{ID: id})
	if rec, err := loadDescriptor(b.home); err == nil {
		b.rec = rec
	}
	b.adopt()
	d.boxes[id] = b
	return b
}

func (d *Driver) keep(b *box) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.boxes[b.rec.ID] = b
}

func (d *Driver) drop(b *box) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.boxes[b.rec.ID] == b {
		delete(d.boxes, b.rec.ID)
	}
}

// Close stops watching instances; they go on running, to be found again by List. The driver is of no use after it.
func (d *Driver) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, b := range d.boxes {
		b.unwatch()
	}
}
