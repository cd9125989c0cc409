package containerd

import (
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/pidfd"

	"os"
	"syscall"
	"time"
)

// leave lets the daemon run on without us.
func (d *daemon) leave() {
	d.stop()
	<-d.done
}

// close ends the daemon and waits for it.
func (d *daemon) close() {
	d.leave()
	pid := d.currentPid()
	gone, err := pidfd.Watch(pid)
	if err != nil {
		return
	}
	_ = syscall.Kill(pid, syscall.SIGTERM)
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		_ = syscall.Kill(pid, syscall.SIGKILL)
		<-gone
	}
	for _, f := range []string{d.socket, d.socket + ".ttrpc", d.config} {
		_ = os.Remove(f)
	}
}
