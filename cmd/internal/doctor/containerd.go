package doctor

import (
	"context"
	"net"
	"os"
)

// systemSocket is where a distribution's containerd listens.
const systemSocket = "/run/containerd/containerd.sock"

// Containerd reports the daemon that runs, or the binary from which serve starts a private one.
func Containerd() Probe {
	bin := program("containerd", false, "make setup", private+"containerd", "containerd")
	return func(ctx context.Context) Finding {
		f := bin(ctx)
		switch {
		case answers(ctx, systemSocket):
			f.Detail = "running at " + systemSocket
		case f.OK:
			f.Detail += "; not running: serve starts a private one"
		}
		if f.OK && os.Geteuid() != 0 {
			f.OK, f.Detail, f.Fix = false, f.Detail+", but this user is not root: the process driver serves", "run videosdgx serve as root"
		}
		return f
	}
}

func answers(ctx context.Context, socket string) bool {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return false
	}
	c.Close()
	return true
}
