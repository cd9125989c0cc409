package daemon

import (
	"fmt"
	"strings"
)

// unneeded are the plugins of the daemon that this driver never calls. They cost time at its start, or sockets.
// Names of every version since 1.6; one that a daemon does not have is ignored by it.
var unneeded = []string{
	"io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime",
	"io.containerd.podsandbox.controller.v1.podsandbox", "io.containerd.nri.v1.nri",
	"io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper",
	"io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.erofs",
	"io.containerd.differ.v1.erofs", "io.containerd.mount-handler.v1.erofs",
	"io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing",
	"io.containerd.monitor.v1.cgroups", "io.containerd.monitor.task.v1.cgroups",
	"io.containerd.internal.v1.restart", "io.containerd.monitor.container.v1.restart",
	"io.containerd.internal.v1.opt", "io.containerd.image-verifier.v1.bindir",
}

// daemonConfig is the private daemon's configuration file. Version 2 is what 1.6 reads and every later one migrates.
//
// The daemon collects garbage after each container that is removed, within 250 ms, and nothing is written meanwhile: whoever starts an
// instance just after another has ended, as every start does that evicts one, would wait for four writes to the disk besides its own
// two. Instances leave no garbage; images do, when they are pruned, and that may lie for a while. So it is looked for every 10 s (5 ms,
// which the daemon takes a collection to last at least, are 0.0005 of them).
func daemonConfig(root, state, socket string) string {
	quoted := make([]string, len(unneeded))
	for i, p := range unneeded {
		quoted[i] = fmt.Sprintf("%q", p)
	}
	return fmt.Sprintf(`# Written by videosdgx at every start.
version = 2
root = %q
state = %q
disabled_plugins = [%s]

[grpc]
  address = %q

[ttrpc]
  address = %q

[plugins."io.containerd.gc.v1.scheduler"]
  pause_threshold = 0.0005
  startup_delay = "10s"
`, root, state, strings.Join(quoted, ", "), socket, socket+".ttrpc")
}
