package containerd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/mount"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/cgroup"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/pidfd"
)

// A containerd that is killed between starting a shim and writing down its address knows nothing of the shim when it is
// back, and nobody ever ends it. So shims are looked for among the processes, by the socket they were given.

// shims are the pids of living shims of this driver's private daemon, by the instances' ids.
func (d *Driver) shims() map[string][]int {
	found := map[string][]int{}
	if d.daemon == nil {
		return found // the system's daemon looks after its own
	}
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range lines {
		b, _ := os.ReadFile(file)
		if id, ours := shimFor(b, d.daemon.Socket, d.o.Namespace); ours {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			found[id] = append(found[id], pid)
		}
	}
	return found
}

// shimFor reads a command line: whose shim it is, and whether it belongs to a daemon's namespace.
func shimFor(cmdline []byte, socket, namespace string) (id string, ours bool) {
	args := bytes.Split(cmdline, []byte{0})
	if !strings.HasPrefix(filepath.Base(string(args[0])), "containerd-shim") {
		return "", false
	}
	for _, a := range args {
		if string(a) == "start" || string(a) == "delete" { // containerd's own errands, which end by themselves
			return "", false
		}
	}
	value := func(flag string) string {
		i := slices.IndexFunc(args, func(a []byte) bool { return string(a) == flag })
		if i < 0 || i+1 >= len(args) {
			return ""
		}
		return string(args[i+1])
	}
	return value("-id"), value("-address") == socket && value("-namespace") == namespace && value("-id") != ""
}

// endShims ends what containerd does not know of an instance any more: its shim, what lives in its cgroup, its bundle.
func (d *Driver) endShims(ctx context.Context, id string) error {
	pids := d.shims()[id]
	for _, h := range cgroup.Hierarchies() {
		b, _ := os.ReadFile(filepath.Join(h, d.cgroup(id), "cgroup.procs"))
		for line := range bytes.Lines(b) {
			if pid, err := strconv.Atoi(string(bytes.TrimSpace(line))); err == nil && !slices.Contains(pids, pid) {
				pids = append(pids, pid)
			}
		}
	}
	var errs []error
	for _, pid := range pids {
		errs = append(errs, endProcess(ctx, pid))
	}
	return errors.Join(append(errs, d.dropBundle(id))...)
}

// dropBundle removes the folder of a task that a private containerd has forgotten, with the root mounted in it.
func (d *Driver) dropBundle(id string) error {
	if d.daemon == nil {
		return nil
	}
	dir := filepath.Join(d.bundles(), id)
	if _, err := os.Lstat(dir); os.IsNotExist(err) {
		return nil
	}
	if err := mount.UnmountAll(filepath.Join(dir, "rootfs"), unix.MNT_DETACH); err != nil {
		return fmt.Errorf("bundle of %s: %w", id, err)
	}
	return os.RemoveAll(dir)
}

// dropHiddenBundles removes task folders that a containerd has hidden by a leading dot, as it does before it removes one,
// and was killed before it had. It never looks at them again.
func (d *Driver) dropHiddenBundles() error {
	all, err := names(d.bundles())
	errs := []error{err}
	for _, name := range all {
		if strings.HasPrefix(name, ".") {
			errs = append(errs, d.dropBundle(name))
		}
	}
	return errors.Join(errs...)
}

// endProcess kills a process and waits until it has gone.
func endProcess(ctx context.Context, pid int) error {
	p, err := pidfd.Open(pid)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	defer p.Release()
	if err := p.Kill(unix.SIGKILL); err != nil {
		return err
	}
	select {
	case <-p.Gone():
		return nil
	case <-time.After(5 * time.Second):
		return context.DeadlineExceeded
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// endAllShims is for the end of a private daemon whose instances are gone.
func (d *Driver) endAllShims() {
	for id := range d.shims() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		if err := errors.Join(d.endShims(ctx, id), cgroup.Drop(d.cgroup(id))); err != nil {
			d.o.Log.Warn("a shim is left", "instance", id, "error", err)
		}
		cancel()
	}
}
