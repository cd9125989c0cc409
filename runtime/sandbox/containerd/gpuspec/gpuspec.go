// Package gpuspec has CDI know NVIDIA's GPUs on a machine that has only the driver: where nobody has installed a specification
// for them, it writes one, by NVIDIA's own library, into a folder of the control plane's.
package gpuspec

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"tags.cncf.io/container-device-interface/pkg/cdi"
)

// kind is what NVIDIA's devices are called, before the "=" of a device's name.
const (
	vendor = "nvidia.com"
	class  = "gpu"
	kind   = vendor + "/" + class
)

// Devices puts devices into specifications by their CDI names. It may be used by several goroutines.
type Devices struct {
	// Dir is the folder for the specification written here.
	Dir string
	Log *slog.Logger // nil: slog.Default()

	mu     sync.Mutex
	dirs   []string // of what others have installed; nil: CDI's own
	nvml   library  // nil: the driver's
	driver string   // root of the driver's files
}

// Inject puts the named devices into s: device nodes, what the device cgroup allows, libraries, hooks. Files are read again each
// time, for they change with the driver; what was written here is written again when it lacks a device. Errors are
// FailedPrecondition, and name the devices that there are and the files that cannot be used.
func (d *Devices) Inject(s *specs.Spec, names []string) error {
	err := d.inject(s, names)
	if err != nil && slices.ContainsFunc(names, nvidias) && !d.installed() {
		if why := d.write(); why != nil {
			return fmt.Errorf("GPUs %s: %w: %w", strings.Join(names, ", "), why, errdefs.ErrFailedPrecondition)
		}
		err = d.inject(s, names)
	}
	if err != nil {
		return fmt.Errorf("GPUs %s: %w: %w", strings.Join(names, ", "), err, errdefs.ErrFailedPrecondition)
	}
	return nil
}

func nvidias(name string) bool { return strings.HasPrefix(name, kind+"=") }

func (d *Devices) inject(s *specs.Spec, names []string) error {
	cache, err := d.cache(append(d.others(), d.Dir))
	if err != nil {
		return err
	}
	unknown, err := cache.InjectDevices(s, names...)
	switch {
	case len(unknown) > 0:
		return &UnknownError{Names: unknown, Known: cache.ListDevices(), Broken: broken(cache)}
	case err != nil:
		return fmt.Errorf("%w; a CDI specification that names what is no longer there is made again with `nvidia-ctk cdi generate`, or removed", err)
	}
	return nil
}

func (d *Devices) cache(dirs []string) (*cdi.Cache, error) {
	return cdi.NewCache(cdi.WithAutoRefresh(false), cdi.WithSpecDirs(dirs...))
}

// others are the folders that specifications are installed to.
func (d *Devices) others() []string {
	if d.dirs != nil {
		return slices.Clone(d.dirs)
	}
	return slices.Clone(cdi.DefaultSpecDirs)
}

// installed says whether somebody else has installed a specification of NVIDIA's GPUs: theirs is then the one that counts.
func (d *Devices) installed() bool {
	cache, err := d.cache(d.others())
	return err == nil && slices.ContainsFunc(cache.ListDevices(), nvidias)
}

func (d *Devices) log() *slog.Logger {
	if d.Log == nil {
		return slog.Default()
	}
	return d.Log
}
