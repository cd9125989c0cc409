package containerd

import (
	"fmt"
	"math"
	"slices"

	"github.com/containerd/containerd/v2/contrib/seccomp"
	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/videosdgx/videosdgx/runtime/guest/loopback"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/ids"
)

// Paths inside an instance.
const (
	insideInit  = "/run/videosdgx-init"
	insideDir   = "/run/videosdgx"
	insideModel = "/opt/model"
)

// blueprint is all that an instance's specification is made of.
type blueprint struct {
	c         instance.Config
	image     *image
	init      string // host path
	hosts     string // host path of /etc/hosts
	cgroup    string
	criuConf  string   // host path, "" without CRIU
	swapLimit bool     // the kernel accounts swap
	restore   bool     // from a checkpoint
	sources   []string // host paths of the manifest's mounts, in its order
	ids       ids.Range
}

// spec builds the OCI specification: everything is denied that is not named here.
func (b blueprint) spec() (*specs.Spec, error) {
	args, err := b.args()
	if err != nil {
		return nil, err
	}
	s := &specs.Spec{
		Version:  "1.0.2", // what the oldest runtimes take; nothing here is younger
		Hostname: hostname(b.c.ID),
		Root:     &specs.Root{Path: "rootfs", Readonly: true},
		Mounts:   b.mounts(),
		Process: &specs.Process{
			Args: args, Env: b.env(), Cwd: b.cwd(), NoNewPrivileges: true,
			User:         specs.User{UID: b.image.user.UID, GID: b.image.user.GID},
			Capabilities: &specs.LinuxCapabilities{},
			Rlimits:      []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Hard: openFiles(), Soft: openFiles()}, {Type: "RLIMIT_CORE"}},
			OOMScoreAdj:  ptr(500), // an instance goes before the control plane does
		},
		Linux: &specs.Linux{
			CgroupsPath: b.cgroup,
			Namespaces:  ownNamespaces,
			UIDMappings: mapped(b.ids.UID), GIDMappings: mapped(b.ids.GID),
			Resources:     b.resources(),
			MaskedPaths:   maskedPaths,
			ReadonlyPaths: []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
		},
	}
	if b.restore { // CRIU reconnects the sockets, so the loopback must be up by then; else create brings it up
		s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: b.init, Args: []string{"videosdgx-init", loopback.Hook}}}}
	}
	if b.criuConf != "" {
		s.Annotations = map[string]string{"org.criu.config": b.criuConf}
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
func (b blueprint) args() ([]string, error) {
	fn := &b.c.Function
	entry, rest := b.image.Config.Entrypoint, b.image.Config.Cmd
	if len(fn.Command) > 0 {
		entry, rest = fn.Command, nil
	}
	if len(fn.Args) > 0 {
		rest = fn.Args
	}
	command := slices.Concat(entry, rest)
	if len(command) == 0 {
		return nil, fmt.Errorf("image %s has neither entrypoint nor command: set command in the manifest: %w", b.image.Name, errdefs.ErrInvalidArgument)
	}
	return append([]string{insideInit, "-dir", insideDir, "--"}, command...), nil
}

func (b blueprint) cwd() string {
	for _, dir := range []string{b.c.Function.WorkDir, b.image.Config.WorkingDir} {
		if dir != "" {
			return dir
		}
	}
	return "/"
}

// env is the image's, then ours. The function's own comes from guest.json.
func (b blueprint) env() []string {
	e := newEnviron(b.image.Config.Env)
	e.def("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	e.def("HOME", "/tmp")
	e.def("TMPDIR", "/tmp")
	e.def("LANG", "C.UTF-8")
	e.add("GODEBUG", "multipathtcp=0") // CRIU refuses MPTCP sockets, which Go listens with by default
	if n := b.c.Function.Limits.CPUs; n > 0 {
		e.def("GOMAXPROCS", fmt.Sprint(math.Ceil(n)))
	}
	if b.c.Bundle != "" {
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
