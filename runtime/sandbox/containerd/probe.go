package containerd

import (
	"context"
	"fmt"

	"github.com/videosdgx/videosdgx/snapshotter/criu"
)

// Part is one thing that the driver stands on, as `videosdgx doctor` shows it.
type Part struct {
	Name    string `json:"name"`
	Path    string `json:"path,omitempty"`
	Version string `json:"version,omitempty"`
	Needed  bool   `json:"needed"`            // no instance runs without it
	Problem string `json:"problem,omitempty"` // why it cannot be used
	Install string `json:"install,omitempty"` // the command that helps
}

// Probe says what a driver with these options would find. It starts nothing.
func Probe(ctx context.Context, o Options) []Part {
	o = o.WithDefaults()
	return []Part{
		probe(ctx, o, "containerd", "1.6", true, "apt-get install containerd"),
		probe(ctx, o, "containerd-shim-runc-v2", "", true, "apt-get install containerd"),
		probe(ctx, o, "runc", "1.1", true, "apt-get install runc"),
		probe(ctx, o, "criu", criu.Oldest, false, "make setup"),
		probe(ctx, o, "nft", "", false, "apt-get install nftables"),
	}
}

func probe(ctx context.Context, o Options, name, oldest string, needed bool, install string) Part {
	p := Part{Name: name, Needed: needed, Install: install}
	t, ok := find(ctx, o.Prefix, name)
	switch {
	case !ok:
		p.Problem = name + " is not installed"
	case oldest != "" && newer(oldest, t.Version):
		p.Problem = fmt.Sprintf("%s %s is too old: %s or newer is needed", name, t.Version, oldest)
	default:
		p.Install = ""
	}
	p.Path, p.Version = t.Path, t.Version
	return p
}
