package containerd

import (
	"context"
	"fmt"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/daemon"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/tool"
	"github.com/videosdgx/videosdgx/snapshotter/criu"
)

// Part is one thing that the driver stands on, as `videosdgx doctor` shows it.
type Part struct {
	Name    string `json:"name"`
	Path    string `json:"path,omitempty"`
	Version string `json:"version,omitempty"`
	Needed  bool   `json:"needed"`            // no instance runs without it
	Note    string `json:"note,omitempty"`    // what else there is to know of it
	Fault   string `json:"problem,omitempty"` // why it cannot be used
	Install string `json:"install,omitempty"` // the command that helps
}

// Probe says what a driver with these options would find. It starts nothing but programs that tell their version, and
// criu check.
func Probe(ctx context.Context, o Options) []Part {
	o = o.WithDefaults()
	served := probe(ctx, o, "containerd", "1.6", true, "apt-get install containerd")
	served.Note = "not running: serve starts a private one"
	if daemon.Listens(SystemAddress) {
		served.Note = "running at " + SystemAddress
	}
	return []Part{
		served,
		probe(ctx, o, "containerd-shim-runc-v2", "", true, "apt-get install containerd"),
		probeRuntime(ctx, o),
		probeCRIU(ctx, o),
		probe(ctx, o, "nft", "", false, "apt-get install nftables"),
	}
}

func probe(ctx context.Context, o Options, name, oldest string, needed bool, install string) Part {
	p := Part{Name: name, Needed: needed, Install: install}
	t, ok := tool.Find(ctx, o.Prefix, name)
	switch {
	case !ok:
		p.Fault = name + " is not installed"
	case oldest != "" && tool.Newer(oldest, t.Version):
		p.Fault = fmt.Sprintf("%s %s is too old: %s or newer is needed", name, t.Version, oldest)
	default:
		p.Install = ""
	}
	p.Path, p.Version = t.Path, t.Version
	return p
}

// probeRuntime finds what New would run containers with: runc, or else crun.
func probeRuntime(ctx context.Context, o Options) Part {
	if o.Runtime == "" {
		if t, err := findRuntime(ctx, o); err == nil {
			o.Runtime = t.Path
		} else {
			o.Runtime = "runc"
		}
	}
	p := probe(ctx, o, o.Runtime, "1.1", true, "apt-get install runc")
	p.Name = "OCI runtime"
	return p
}

func probeCRIU(ctx context.Context, o Options) Part {
	p := probe(ctx, o, "criu", "", false, "make setup")
	p.Name = "CRIU"
	if p.Fault == "" {
		c := criu.Probe(ctx, p.Path)
		p.Fault, p.Install = c.Reason, c.Fix
	}
	if p.Fault != "" {
		p.Note = "snapshots are off, everything starts plainly"
	}
	return p
}
