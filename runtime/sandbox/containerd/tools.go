package containerd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"
)

// findRuntime takes the one that is asked for, else runc: it can be checkpointed, which Debian 12's crun cannot.
func findRuntime(ctx context.Context, o Options) (tool, error) {
	name := o.Runtime
	if name == "" {
		name = "runc"
	}
	if t, ok := find(ctx, o.Prefix, name); ok {
		return t, nil
	}
	if o.Runtime == "" {
		if t, ok := find(ctx, o.Prefix, "crun"); ok {
			return t, nil
		}
	}
	return tool{}, fmt.Errorf("the OCI runtime %s is not installed: run `make setup` or `apt-get install runc`: %w", name, errdefs.ErrNotFound)
}

// keepInit copies videosdgx-init to a name made of its digest. What instances and snapshots map must not change under
// them when a newer one is installed.
func keepInit(src, dir string) (string, error) {
	b, err := os.ReadFile(src)
	if err != nil {
		return "", fmt.Errorf("videosdgx-init cannot be read: run `make build`: %w (%w)", errdefs.ErrNotFound, err)
	}
	sum := sha256.Sum256(b)
	dst := filepath.Join(dir, "videosdgx-init-"+hex.EncodeToString(sum[:8]))
	if st, err := os.Stat(dst); err == nil && st.Size() == int64(len(b)) {
		return dst, nil
	}
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return "", err
	}
	tmp := dst + ".new"
	if err := os.WriteFile(tmp, b, 0o755); err != nil {
		return "", err
	}
	return dst, os.Rename(tmp, dst)
}
