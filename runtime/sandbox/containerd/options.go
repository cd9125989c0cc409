package containerd

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/daemon"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/ids"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/image"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/tool"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// SystemAddress is where distributions put the daemon's socket.
const SystemAddress = "/run/containerd/containerd.sock"

// Private as Options.Address always starts a private daemon.
const Private = "private"

// Options say where the driver finds its parts and keeps its state.
type Options struct {
	Data      string          // folder of the control plane; the private daemon's store is below it. Required
	State     string          // folder for sockets and namespaces, lost at boot; default /run/videosdgx/<hash of Data>
	Address   string          // daemon's socket; "": the system's when it answers, else a private daemon; Private: never the system's
	Namespace string          // containerd namespace; default "videosdgx"
	Runtime   string          // OCI runtime, a name or path; "": the best that is found
	Init      string          // videosdgx-init on this machine, static. Required
	Prefix    string          // where newer binaries than the system's may lie; default VIDEOSDGX_PREFIX or /opt/videosdgx
	CRIU      string          // criu, a path; "": the newest that is found
	Log       *slog.Logger    // default slog.Default()
	Devices   DeviceMemory    // nil: no instance holds memory of a device
	Mounts    spec.MountRoots // what manifests may mount; zero: what lies in the manifest's own folder
	Images    image.Limits    // of what images unpack to
	Hear      image.Hear      // of Import; nil: the log tells
	Registry  image.Registry  // nil: the default client
	IDs       ids.Range       // users of instances on this machine; zero: the subuid range of "videosdgx", else one of nobody's
}

// WithDefaults returns a copy with every empty field that has a default filled in.
func (o Options) WithDefaults() Options {
	sum := sha256.Sum256([]byte(o.Data))
	set := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	set(&o.State, "/run/videosdgx/"+hex.EncodeToString(sum[:6]))
	set(&o.Namespace, "videosdgx")
	set(&o.Prefix, tool.EnvOr("VIDEOSDGX_PREFIX", tool.DefaultPrefix))
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// daemon are the options of a private containerd.
func (o Options) daemon() daemon.Options {
	return daemon.Options{Data: o.Data, State: o.State, Path: strings.Join(tool.SearchPath(o.Prefix), ":"), Log: o.Log}
}

// Validate says what is wrong with filled-in options.
func (o Options) Validate() error {
	for _, p := range []struct{ name, path string }{{"Data", o.Data}, {"State", o.State}, {"Init", o.Init}} {
		if !filepath.IsAbs(p.path) {
			return fmt.Errorf("containerd driver: %s must be an absolute path, not %q: %w", p.name, p.path, errdefs.ErrInvalidArgument)
		}
	}
	return nil
}
