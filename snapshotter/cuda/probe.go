package cuda

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/videosdgx/videosdgx/snapshotter"
)

// Support is what a machine can do, as far as looking tells; only Trial knows.
type Support struct {
	Library string   // what was loaded; "": none
	CUDA    string   // "13.0"
	Driver  string   // the kernel module's version, "580.159.04"; "": not loaded
	GPUs    []string // names
	Missing []string // checkpoint calls that the library lacks
	Tool    string   // path of cuda-checkpoint; "": not on the PATH
	Err     error    // why snapshots of device memory are off; nil: nothing speaks against them
}

// Source is where Probe looks; the zero value is this machine.
type Source struct {
	Library string // path; "" is DefaultLibrary
	Module  string // file with the kernel module's version; "" is the usual one
}

// Probe looks at the driver and its GPUs. It initialises the driver in this process where there is one, which takes 0.1 to
// 3 s and keeps device nodes open, but no device memory.
func Probe(ctx context.Context, s Source) Support {
	found := Support{Driver: module(s.Module)}
	if t, ok := FindTool(); ok {
		found.Tool = t.Path
	}
	l, err := Open(s.Library)
	if err != nil {
		found.Err = err
		return found
	}
	found.Library, found.Missing = l.path, l.Missing()
	found.CUDA, _ = l.Version()
	found.GPUs, found.Err = l.Devices()
	if found.Err == nil {
		found.Err = found.verdict()
	}
	return found
}

func (s Support) verdict() error {
	switch {
	case len(s.GPUs) == 0:
		return &Error{Call: "cuDeviceGetCount", Result: noDevice, Name: "CUDA_ERROR_NO_DEVICE"}
	case len(s.Missing) > 0 && s.Tool == "":
		return &MissingError{Symbol: s.Missing[0]}
	case runtime.GOARCH == "arm64" && major(s.Driver) < 595:
		return fmt.Errorf("driver %s refuses checkpoints on Arm (CUDA_ERROR_NOT_SUPPORTED): %w", s.Driver, errdefs.ErrNotImplemented)
	}
	return nil
}

// String is one line for people.
func (s Support) String() string {
	switch {
	case s.Err != nil && s.Library == "":
		return "off: " + s.Err.Error()
	case s.Err != nil:
		return fmt.Sprintf("off: %v (driver %s, CUDA %s, %s)", s.Err, or(s.Driver, "not loaded"), or(s.CUDA, "unknown"), or(strings.Join(s.GPUs, ", "), "no GPU"))
	}
	return fmt.Sprintf("driver %s, CUDA %s, %s", or(s.Driver, "unknown"), s.CUDA, strings.Join(s.GPUs, ", "))
}

// Capability is the same for the runtime and the doctor.
func (s Support) Capability() snapshotter.Capability {
	c := snapshotter.Capability{Driver: "cuda", OK: s.Err == nil, Version: s.Driver}
	if s.Err != nil {
		c.Reason, c.Fix = s.Err.Error(), s.fix()
	}
	return c
}

func (s Support) fix() string {
	var absent *AbsentError
	switch {
	case errors.As(s.Err, &absent) && s.Driver != "":
		return "make libcuda.so.1 visible to this program (ldconfig, or NVIDIA's container toolkit), and build it with cgo"
	case errors.As(s.Err, &absent):
		return "none needed without an NVIDIA GPU; else install its driver, 570 or newer (595 or newer on Arm)"
	case errdefs.IsNotImplemented(s.Err):
		return "install driver 570 or newer, on Arm 595 or newer"
	}
	return "run nvidia-smi and see that it lists the GPU"
}

// module reads the version of the loaded kernel module.
func module(file string) string {
	b, err := os.ReadFile(or(file, "/sys/module/nvidia/version"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// major is the driver branch, 0 where it is unknown.
func major(version string) int {
	first, _, _ := strings.Cut(version, ".")
	n, _ := strconv.Atoi(first)
	return n
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
