package containerd

import (
	"strings"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/cgroup"
)

// cgroup names an instance's; the owner, of whom there may be several on a machine, is in it so that each finds its own.
func (d *Driver) cgroup(id string) string { return cgroup.Parent + "/" + d.owner + "." + id }

// cgroupIDs lists the driver's instances that still have a cgroup somewhere.
func (d *Driver) cgroupIDs() map[string]bool {
	ids := map[string]bool{}
	for name := range cgroup.Names() {
		if id, ok := strings.CutPrefix(name, d.owner+"."); ok {
			ids[id] = true
		}
	}
	return ids
}
