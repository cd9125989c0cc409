package containerd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/atomicfile"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/tool"
)

// findRuntime takes the one that is asked for, else runc: it can be checkpointed, which Debian 12's crun cannot.
func findRuntime(ctx context.Context, o Options) (tool.Tool, error) {
	name := o.Runtime
	if name == "" {
		name = "runc"
	}
	if t, ok := tool.Find(ctx, o.Prefix, name); ok {
		return t, nil
	}
	if o.Runtime == "" {
		if t, ok := tool.Find(ctx, o.Prefix, "crun"); ok {
			return t, nil
		}
	}
	return tool.Tool{}, fmt.Errorf("the OCI runtime %s is not installed: run `make setup` or `apt-get install runc`: %w", name, errdefs.ErrNotFound)
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
	return dst, atomicfile.Write(dst, b, 0o755)
}

// ociBinary is what the shim is to run as the OCI runtime. runc takes the first criu on the PATH of the daemon that started
// the shim. Where that is not the one that was chosen, as under a system's daemon with the PATH of its service, it gets runc
// in a script that sets the PATH.
func (d *Driver) ociBinary() (string, error) {
	path := servicePath
	if d.daemon != nil {
		path = filepath.SplitList(d.daemon.Path)
	}
	if d.criu.Path == "" || first(path, "criu") == d.criu.Path {
		return d.runtime.Path, nil
	}
	return d.runtimeWithCRIU()
}

// first is the binary of a name that is found in a list of folders, as by a shell.
func first(dirs []string, name string) string {
	for _, dir := range dirs {
		if path := filepath.Join(dir, name); tool.Executable(path) {
			return path
		}
	}
	return ""
}

func (d *Driver) runtimeWithCRIU() (string, error) {
	dir := filepath.Dir(d.criu.Path)
	script := fmt.Sprintf("#!/bin/sh\nPATH=%s:$PATH exec %s \"$@\"\n", quote(dir), quote(d.runtime.Path))
	path := filepath.Join(d.o.Data, "init", "runc-with-criu")
	return path, atomicfile.Write(path, []byte(script), 0o755)
}

// servicePath is where every service manager lets its services look.
var servicePath = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
