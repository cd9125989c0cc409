package containerd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/cgroup"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/daemon"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/gpuspec"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/ids"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/image"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/tool"
)

// Driver is an instance.Sandbox on containerd.
type Driver struct {
	o       Options
	client  *client.Client
	daemon  *daemon.Daemon // nil when the system's serves
	version string
	owner   string    // tells this driver's things from another's on the same machine
	runtime tool.Tool // runc or crun
	oci     string    // what the shim runs: runtime, or a script around it
	criu    tool.Tool // "" when there is none
	init    string    // our own copy of videosdgx-init
	hosts   string    // what instances see as /etc/hosts
	swap    bool      // the kernel limits swap
	gpus    *gpuspec.Devices

	encloses bool // instances' folders are file systems of their own

	criuConf string // CRIU's configuration file for all instances
	images   *image.Store

	mu    sync.Mutex
	boxes map[string]*box
	wg    sync.WaitGroup // one watcher per box
}

var (
	_ instance.Sandbox  = (*Driver)(nil)
	_ instance.Restorer = (*Driver)(nil)
)

// New connects to containerd, starting a private one if need be. Close ends what it started.
func New(ctx context.Context, o Options) (_ *Driver, err error) {
	o = o.WithDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("the containerd driver needs root: run as root, or use --driver process: %w", errdefs.ErrPermissionDenied)
	}
	if o.IDs == (ids.Range{}) {
		if o.IDs, err = ids.Find(os.DirFS("/etc")); err != nil {
			return nil, err
		}
	}
	d := &Driver{o: o, owner: filepath.Base(o.State), boxes: map[string]*box{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.closeParts())
		}
	}()
	if err = os.MkdirAll(o.State, 0o711); err != nil {
		return nil, err
	}
	if err = d.findTools(ctx); err != nil {
		return nil, err
	}
	if err = d.connect(ctx); err != nil {
		return nil, err
	}
	if d.init, err = keepInit(o.Init, filepath.Join(o.Data, "init")); err != nil {
		return nil, err
	}
	if d.oci, err = d.ociBinary(); err != nil {
		return nil, err
	}
	if d.hosts, err = writeHosts(o.Data); err != nil {
		return nil, err
	}
	if d.criuConf, err = writeCriuConfig(o.Data); err != nil {
		return nil, err
	}
	d.swap = cgroup.LimitsSwap()
	d.gpus = &gpuspec.Devices{Dir: filepath.Join(d.o.Data, "cdi"), Log: d.o.Log}
	d.images = image.New(d.client, o.Log, image.NewOwners(o.IDs, filepath.Join(o.State, "roots"), !d.encloses, o.Log))
	d.images.Owner, d.images.Limits, d.images.Registry = d.owner, o.Images, o.Registry
	if err = d.images.ChooseSnapshotter(ctx); err != nil {
		return nil, err
	}
	if err := d.sweep(ctx); err != nil {
		o.Log.Warn("cannot remove all that an earlier control plane left", "error", err)
	}
	return d, nil
}

func (d *Driver) findTools(ctx context.Context) (err error) {
	if d.runtime, err = findRuntime(ctx, d.o); err != nil {
		return err
	}
	name := d.o.CRIU
	if name == "" {
		name = "criu"
	}
	d.criu, _ = tool.Find(ctx, d.o.Prefix, name)
	return nil
}

// Info says what is below the driver and what it does not isolate.
func (d *Driver) Info() instance.Info {
	lacks := []string{"the kernel is shared with the machine"}
	if d.images.Snapshotter() != "overlayfs" {
		lacks = append(lacks, "overlayfs is not available: images are copied, which costs disk and time")
	}
	if d.images.Copied() {
		lacks = append(lacks, "id-mapped mounts are not available: images' files are copied to the instances' users, which costs disk and time")
	}
	if !d.encloses {
		lacks = append(lacks, "disk: containerd does not see the mounts made here, so what functions write to /run/videosdgx is not limited")
	}
	return instance.Info{
		Name:    "containerd",
		Version: fmt.Sprintf("containerd %s, %s %s", d.version, filepath.Base(d.runtime.Path), d.runtime.Version),
		Lacks:   lacks, Restores: d.canCheckpoint() == nil, Freezes: true,
	}
}

// Close lets go of every box, which go on running, and stops a private daemon. It may be called twice.
func (d *Driver) Close() error {
	d.mu.Lock()
	for id, b := range d.boxes {
		b.release()
		delete(d.boxes, id)
	}
	d.mu.Unlock()
	d.wg.Wait()
	d.sweepAtEnd()
	return d.closeParts()
}

// sweepAtEnd removes what a containerd that was killed has forgotten; nobody may come back to do it later.
func (d *Driver) sweepAtEnd() {
	if d.daemon == nil || d.client == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := d.sweep(ctx); err != nil {
		d.o.Log.Warn("cannot remove all that is left", "error", err)
	}
}

func (d *Driver) closeParts() error {
	var errs []error
	if d.client != nil {
		errs = append(errs, d.client.Close())
		d.client = nil
	}
	if d.daemon != nil {
		_ = d.dropHiddenBundles()
		idle, _ := names(d.bundles())
		if len(idle) == 0 {
			d.endAllShims()
		}
		d.daemon.Close()
		if len(idle) == 0 { // no instance lives on: nothing in the daemon's state is worth keeping
			_ = os.RemoveAll(d.daemon.State)
		}
		d.daemon = nil
	}
	image.DropRoots(filepath.Join(d.o.State, "roots"), d.o.Log)
	removeEmpty(d.o.State, "reach", "criu", "roots", "")
	for _, h := range cgroup.Hierarchies() {
		removeEmpty(h, cgroup.Parent)
	}
	return errors.Join(errs...)
}

// removeEmpty removes folders that hold nothing any more.
func removeEmpty(dir string, names ...string) {
	for _, n := range names {
		_ = os.Remove(filepath.Join(dir, n))
	}
}
