//go:build cgo

package gpuspec

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/nvidia-container-toolkit/pkg/nvcdi"
	"github.com/NVIDIA/nvidia-container-toolkit/pkg/nvcdi/transform"
)

// library is NVML, which comes with the driver and is looked for at run time.
type library = nvml.Interface

// write asks the driver for its devices and files, and writes the specification in the place of the last one.
func (d *Devices) write() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	lib := d.nvml
	if lib == nil {
		lib = nvml.New()
	}
	if ret := lib.Init(); ret != nvml.SUCCESS {
		return fmt.Errorf("no NVIDIA driver answers (NVML: %s)", lib.ErrorString(ret))
	}
	defer lib.Shutdown()
	made, err := d.generate(lib)
	if err != nil {
		return fmt.Errorf("the driver's devices cannot be described: %w", err)
	}
	if err := os.MkdirAll(d.Dir, 0o755); err != nil {
		return err
	}
	if err := made.Save(filepath.Join(d.Dir, "nvidia.yaml")); err != nil {
		return err
	}
	d.tellBroken()
	d.log().Info("no CDI specification of NVIDIA's GPUs is installed that can be used: one was written", "folder", d.Dir)
	return nil
}

type saver interface{ Save(path string) error }

func (d *Devices) generate(lib nvml.Interface) (saver, error) {
	var namers []nvcdi.DeviceNamer
	for _, strategy := range []string{nvcdi.DeviceNameStrategyIndex, nvcdi.DeviceNameStrategyUUID} {
		n, err := nvcdi.NewDeviceNamer(strategy)
		if err != nil {
			return nil, err
		}
		namers = append(namers, n)
	}
	options := []nvcdi.Option{nvcdi.WithNvmlLib(lib), nvcdi.WithVendor(vendor), nvcdi.WithClass(class), nvcdi.WithDeviceNamers(namers...),
		nvcdi.WithMergedDeviceOptions(transform.WithName("all"), transform.WithSkipIfExists(true)),
		nvcdi.WithLogger(quiet{d.log()}), nvcdi.WithNVIDIACDIHookPath("/usr/bin/nvidia-cdi-hook")} // its hooks are never run: links are made when a root is
	if d.driver != "" {
		options = append(options, nvcdi.WithDriverRoot(d.driver), nvcdi.WithMode(nvcdi.ModeNvml))
	}
	l, err := nvcdi.New(options...)
	if err != nil {
		return nil, err
	}
	return l.GetSpec("all")
}

// quiet is the library's log: what it says of every file that it looks for is told to who debugs.
type quiet struct{ log *slog.Logger }

func (q quiet) Debugf(format string, a ...any)   { q.log.Debug(fmt.Sprintf(format, a...)) }
func (q quiet) Tracef(format string, a ...any)   { q.log.Debug(fmt.Sprintf(format, a...)) }
func (q quiet) Infof(format string, a ...any)    { q.log.Debug(fmt.Sprintf(format, a...)) }
func (q quiet) Warningf(format string, a ...any) { q.log.Debug(fmt.Sprintf(format, a...)) }
func (q quiet) Errorf(format string, a ...any)   { q.log.Error(fmt.Sprintf(format, a...)) }
