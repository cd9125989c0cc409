package containerd

import "path/filepath"

// Checkpoints says whether instances can be checkpointed and restored on this machine, with which CRIU and OCI runtime,
// or why not.
func (d *Driver) Checkpoints() (criu, runtime string, err error) {
	return d.criu.Version, filepath.Base(d.runtime.Path) + " " + d.runtime.Version, d.canCheckpoint()
}
