package daemon

import (
	"os"
	"syscall"
	"time"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/pidfd"
)

// Leave lets the daemon run on without us.
func (d *Daemon) Leave() {
	d.stop()
	<-d.done
}

// Close ends the daemon and waits for it.
func (d *Daemon) Close() {
	d.Leave()
	pid := d.PID()
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
	for _, f := range []string{d.Socket, d.Socket + ".ttrpc", d.config} {
		_ = os.Remove(f)
	}
}
