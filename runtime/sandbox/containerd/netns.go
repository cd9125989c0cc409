package containerd

import (
	"fmt"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// newNetns makes a network namespace whose loopback is up. It lives as long as the handle is open or it is mounted.
func newNetns() (netns.NsHandle, error) {
	type result struct {
		ns  netns.NsHandle
		err error
	}
	made := make(chan result)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread dies with its namespaces
		ns, err := netns.New()
		if err == nil {
			err = loopbackUp()
		}
		made <- result{ns, err}
	}()
	r := <-made
	if r.err != nil {
		return -1, fmt.Errorf("network namespace: %w", r.err)
	}
	return r.ns, nil
}

func loopbackUp() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(lo)
}

// pinNetns gives a namespace a name in the file system, so that it outlives this process.
func pinNetns(ns netns.NsHandle, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return fmt.Errorf("network namespace: %w", err)
	}
	_ = f.Close()
	if err := unix.Mount(fmt.Sprintf("/proc/self/fd/%d", int(ns)), path, "", unix.MS_BIND, ""); err != nil {
		_ = os.Remove(path)
		return fmt.Errorf("mount network namespace on %s: %w", path, err)
	}
	return nil
}

// dropNetns undoes pinNetns; a name that is not there is no error.
func dropNetns(path string) error {
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil && err != unix.EINVAL && err != unix.ENOENT {
		return fmt.Errorf("unmount network namespace %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("network namespace: %w", err)
	}
	return nil
}
