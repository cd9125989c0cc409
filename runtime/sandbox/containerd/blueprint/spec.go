// Package blueprint draws up the OCI specification of an instance: everything is denied that is not named here.
package blueprint

import (
	"fmt"
	"math"
	"slices"

	"github.com/containerd/containerd/v2/contrib/seccomp"
	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/videosdgx/videosdgx/runtime/guest/loopback"
	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/ids"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/image"
)

// Paths inside an instance.
const (
	insideInit  = "/run/videosdgx-init"
	insideDir   = "/run/videosdgx"
	insideFiles = insideDir + "/" + wire.FilesDir
	insideModel = "/opt/model"
)

// Blueprint is all that an instance's specification is made of.
type Blueprint struct {
	Config    instance.Config
	Image     *image.Image
	Init      string    // host path
	Hosts     string    // host path of /etc/hosts
	Files     string    // host path of the files of events
	Cgroup    string    // path below every hierarchy
	CRIUConf  string    // host path, "" without CRIU
	SwapLimit bool      // the kernel accounts swap
	Restore   bool      // from a checkpoint
	Sources   []string  // host paths of the manifest's mounts, in its order
	IDs       ids.Range // users of instances on this machine
	Devices   Devices   // nil: no GPUs
}

// Spec builds the OCI specification: everything is denied that is not named here.
func (b Blueprint) Spec() (*specs.Spec, error) {
	args, err := b.args()
	if err != nil {
		return nil, err
	}
	s := &specs.Spec{
		Version:  "1.0.2", // what the oldest runtimes take; nothing here is younger
		Hostname: hostname(b.Config.ID),
		Root:     &specs.Root{Path: "rootfs", Readonly: true},
		Mounts:   b.mounts(),
		Process: &specs.Process{
			Args: args, Env: b.env(), Cwd: b.cwd(), NoNewPrivileges: true,
			User:         specs.User{UID: b.Image.User.UID, GID: b.Image.User.GID},
			Capabilities: &specs.LinuxCapabilities{},
			Rlimits:      []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Hard: openFiles(), Soft: openFiles()}, {Type: "RLIMIT_CORE"}},
			OOMScoreAdj:  ptr(500), // an instance goes before the control plane does
		},
		Linux: &specs.Linux{
			CgroupsPath: b.Cgroup,
			Namespaces:  ownNamespaces,
			UIDMappings: mapped(b.IDs.UID), GIDMappings: mapped(b.IDs.GID),
			Resources:     b.resources(),
			MaskedPaths:   maskedPaths,
			ReadonlyPaths: []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
		},
	}
	if b.Restore { // CRIU reconnects the sockets, so the loopback must be up by then; else create brings it up
		s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: b.Init, Args: []string{"videosdgx-init", loopback.Hook}}}}
	}
	if b.CRIUConf != "" {
		s.Annotations = map[string]string{"org.criu.config": b.CRIUConf}
	}
	s.Linux.Seccomp = nativeOnly(seccomp.DefaultProfile(s))
	return s, b.devices(s)
}

// mapped are the ids of the user namespace: all of them, root's too, are numbers that own nothing else on the machine. The
// namespace is also what makes the processes of another user readable to a CRIU that lacks CAP_SYS_RESOURCE: we own it, and
// an owner has every capability in it.
func mapped(host uint32) []specs.LinuxIDMapping {
	return []specs.LinuxIDMapping{{ContainerID: 0, HostID: host, Size: ids.Size}}
}

// maskedPaths reveal facts of the machine, or let it be changed.
var maskedPaths = []string{
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
	"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
}

// args is init's command line around the function's.
func (b Blueprint) args() ([]string, error) {
	fn := &b.Config.Function
	entry, rest := b.Image.Config.Entrypoint, b.Image.Config.Cmd
	if len(fn.Command) > 0 {
		entry, rest = fn.Command, nil
	}
	if len(fn.Args) > 0 {
		rest = fn.Args
	}
	command := slices.Concat(entry, rest)
	if len(command) == 0 {
		return nil, fmt.Errorf("image %s has neither entrypoint nor command: set command in the manifest: %w", b.Image.Name, errdefs.ErrInvalidArgument)
	}
	return append([]string{insideInit, "-dir", insideDir, "--"}, command...), nil
}

func (b Blueprint) cwd() string {
	for _, dir := range []string{b.Config.Function.WorkDir, b.Image.Config.WorkingDir} {
		if dir != "" {
			return dir
		}
	}
	return "/"
}

// env is the image's, then ours. The function's own comes from guest.json.
func (b Blueprint) env() []string {
	e := newEnviron(b.Image.Config.Env)
	e.def("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	e.def("HOME", "/tmp")
	e.def("TMPDIR", "/tmp")
	e.def("LANG", "C.UTF-8")
	e.add("GODEBUG", "multipathtcp=0") // CRIU refuses MPTCP sockets, which Go listens with by default
	if n := b.Config.Function.Limits.CPUs; n > 0 {
		e.def("GOMAXPROCS", fmt.Sprint(math.Ceil(n)))
	}
	if b.Config.Bundle != "" {
		e.set("VIDEOSDGX_MODEL", insideModel)
	}
	return e.list
}

// ownNamespaces are an instance's own. None is of cgroups: CRIU leaves those alone (criu.Config), and could not bring it back.
var ownNamespaces = []specs.LinuxNamespace{
	{Type: specs.UserNamespace}, {Type: specs.PIDNamespace}, {Type: specs.IPCNamespace}, {Type: specs.UTSNamespace}, {Type: specs.MountNamespace},
	{Type: specs.NetworkNamespace},
}

// nativeOnly refuses system calls of the machine's other architectures (32-bit ones, on x86-64). No image needs them here,
// and the runtime compiles the filter at every start, for each architecture again.
func nativeOnly(p *specs.LinuxSeccomp) *specs.LinuxSeccomp {
	p.Architectures = nil
	return p
}

// hostname is at most 63 bytes, as the kernel and DNS have it.
func hostname(id string) string { return id[:min(len(id), 63)] }

func ptr[T any](v T) *T { return &v }
