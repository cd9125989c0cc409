// Package instance owns the life of one instance of a function: the transition table, the goroutine that walks it, and
// the interface it asks of a sandbox driver.
package instance

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Config is what a driver needs to make one instance.
type Config struct {
	ID       string // unique on this machine: letters, digits and '-', at most 60
	Function spec.Function
	Dir      string                            // host folder of this instance, made by the caller with guest.json in it; seen inside as /run/videosdgx
	Bundle   string                            // host folder of the model bundle, "" if none; seen inside read-only as /opt/model
	Log      string                            // host file that receives stdout and stderr
	Labels   map[string]string                 // kept by the driver and given back by List
	Secrets  func() (map[string]string, error) // variables that lie on the disk only while it starts; nil: none
	ARN      string                            // of the function, without a qualifier
	GPUs     []string                          // the devices that it gets, by CDI name or "all"
	Left     spec.Bytes                        // free on each of them when it was given them; 0: not known
	// SnapStart: a snapshot is to be made of it. Runtimes with restore hooks are told, and wait for the restore.
	SnapStart bool
	// Tell hears from Create and Restore how far the image is that they bring; several goroutines may call it. nil: nobody
	// listens.
	Tell func(spec.StartStep)
}

// Devices are the GPUs that the instance gets, by CDI name or "all". A function that asks for a number of any must have been given
// them: FailedPrecondition.
func (c Config) Devices() ([]string, error) {
	n := c.Function.GPUs.Any()
	switch {
	case len(c.GPUs) > 0:
		return c.GPUs, nil
	case n > 0:
		return nil, fmt.Errorf("instance %s is to have %d GPUs and none were chosen: %w", c.ID, n, errdefs.ErrFailedPrecondition)
	}
	return c.Function.GPUs, nil
}

// Sandbox makes instances and finds them again. Safe for concurrent use; every call may block for I/O and honours ctx.
// Errors carry a containerd/errdefs class.
type Sandbox interface {
	// Create stages an instance: everything is there except a process of the image. It leaves nothing behind on error.
	Create(ctx context.Context, c Config) (Box, error)
	// List finds every instance this driver knows of on the machine, also of an earlier control plane.
	List(ctx context.Context) ([]Box, error)
	// Info says what the driver is and what it does not isolate.
	Info() Info
}

// Info describes a driver.
type Info struct {
	Name    string   `json:"name"`            // "containerd", "process"
	Version string   `json:"version"`         // of what is below it
	Lacks   []string `json:"lacks,omitempty"` // what is not isolated, in words
	// HostNetwork: instances share the machine's network namespace, so that each needs a port of its own.
	HostNetwork bool `json:"hostNetwork,omitempty"`
	// Restores and Freezes are what the driver can do besides, here and now: it is a Restorer and its boxes are
	// Checkpointers; its boxes are Freezers. Only these words count, so that what is put around a driver and passes its
	// Info on neither loses an ability nor gains one.
	Restores bool `json:"restores,omitempty"`
	Freezes  bool `json:"freezes,omitempty"`
}

// RestorerOf is the Restorer that a driver says it is. NotImplemented where it is none.
func RestorerOf(sb Sandbox) (Restorer, error) {
	info := sb.Info()
	if r, ok := sb.(Restorer); ok && info.Restores {
		return r, nil
	}
	return nil, fmt.Errorf("the %s driver cannot restore: %w", info.Name, errdefs.ErrNotImplemented)
}

// Box is one instance at its driver. Its methods may be called from several goroutines.
type Box interface {
	// ID and Labels are those of the Config that Create got.
	ID() string
	Labels() map[string]string
	// Start runs the image's command under videosdgx-init. It returns when the process runs, not when it is ready.
	Start(ctx context.Context) error
	// Dial connects to init.sock; it may be called from when Start has returned.
	Dial(ctx context.Context) (net.Conn, error)
	// Exited is closed once no process of the instance is left; Exit then says how it went.
	Exited() <-chan struct{}
	Exit() Exit
	// Stop sends SIGTERM, then SIGKILL after grace, and waits. Stopping a stopped or staged box is no error.
	Stop(ctx context.Context, grace time.Duration) error
	// Remove stops it hard if need be and removes every trace. Idempotent.
	Remove(ctx context.Context) error
	// Usage says what memory, processor time and processes it uses now.
	Usage(ctx context.Context) (Usage, error)
}

// Exit is how an instance ended.
type Exit struct {
	Code      int // of init; 128+n for signal n
	OOMKilled bool
	At        time.Time
}

// Usage is what an instance holds.
type Usage struct {
	RSS, Anon, File spec.Bytes // of the cgroup (or the process tree)
	CPU             time.Duration
	PIDs            int
}

// Shelf is an optional ability of a Box: the folder on this machine that the instance sees, read-only, as the one for the files
// of events. Without it, or where it is "", they lie in Config.Dir.
type Shelf interface{ FilesDir() string }

// Lister is an optional ability of a Box: the ids of its processes, as the machine knows them.
type Lister interface{ Processes() ([]int, error) }

// Freezer is an optional ability of a Box: to stop its processes in place, and let them go on.
type Freezer interface {
	// Freeze and Thaw are called in turns, Freeze first.
	Freeze(ctx context.Context) error
	Thaw(ctx context.Context) error
}

// Checkpointer is an optional ability of a Box: to write its processes as CRIU images into dir. With exit they end by
// that, else they go on.
type Checkpointer interface {
	Checkpoint(ctx context.Context, dir string, exit bool) error
}

// Restorer is an optional ability of a Sandbox: to make a running instance from a checkpoint's images. It leaves
// nothing behind on error.
type Restorer interface {
	Restore(ctx context.Context, c Config, dir string) (Box, error)
}
