package serve

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// auto is the device that takes a GPU where this process may use one, the libraries for it are there, and the bundle has graphs
// for it; else the CPU.
const auto = "auto"

// choice is the device that serves, and why it is that one.
type choice struct {
	engine.Device
	beside []engine.Device // devices that share the denoisers with it
	why    string

	attends  attention
	recorded int // shapes for which runs are recorded
}

// all are the device and those beside it.
func (c choice) all() []engine.Device { return append([]engine.Device{c.Device}, c.beside...) }

// String is "cuda:0 (asked for)", or "cuda:0, cuda:1 (asked for)".
func (c choice) String() string {
	names := make([]string, 0, 1+len(c.beside))
	for _, d := range c.all() {
		names = append(names, d.String())
	}
	return fmt.Sprintf("%s (%s)", strings.Join(names, ", "), c.why)
}

// GPUsEnv is how many GPUs an instance is given where it is more than one: they share the denoisers.
const GPUsEnv = "VIDEOSDGX_GPUS"

// given is how many GPUs the control plane has chosen for this process; 0: it has not said.
func given() (int, error) { return count(GPUsEnv) }

// chooseSeveral is choose for an instance that is given several GPUs: all of them serve, or the sentence says why they cannot.
func chooseSeveral(n int, asked string, files []string, visible bool, able func(engine.Device) error) (choice, error) {
	if asked != "" && asked != auto {
		return choose(asked, files, visible, able)
	}
	first, err := choose("", files, visible, able)
	if err != nil {
		return choice{}, err
	}
	if first.Host() {
		return choice{}, fmt.Errorf("%d GPUs are given and cannot share the model: %s; gpus: 1 or model.device would do: %w", n, first.why, errdefs.ErrFailedPrecondition)
	}
	for i := 1; i < n; i++ {
		d := engine.Device{Kind: engine.CUDA, Index: i}
		if err := able(d); err != nil {
			return choice{}, fmt.Errorf("%d GPUs are given and %s cannot be used (%w); fewer in gpus would do: %w", n, d, err, errdefs.ErrFailedPrecondition)
		}
		first.beside = append(first.beside, d)
	}
	first.why = fmt.Sprintf("%d GPUs are given, and graphs for them are there", n)
	return first, nil
}

// choose turns what is asked for into a device. able says whether the engine can use one; it is asked last, since it loads the
// GPU's libraries, which a function without a GPU never does.
func choose(asked string, files []string, visible bool, able func(engine.Device) error) (choice, error) {
	if asked != auto && asked != "" {
		all, err := devices(asked)
		if err != nil {
			return choice{}, err
		}
		return choice{Device: all[0], beside: all[1:], why: "asked for"}, nil
	}
	gpu := engine.Device{Kind: engine.CUDA}
	switch {
	case !slices.ContainsFunc(files, func(f string) bool { return strings.HasSuffix(f, ".cuda.onnx") }):
		return choice{why: "the bundle has no graphs for a GPU"}, nil
	case !visible:
		return choice{why: "no GPU is given to this process"}, nil
	}
	if err := able(gpu); err != nil {
		return choice{why: fmt.Sprintf("the GPU cannot be used: %v", err)}, nil
	}
	return choice{Device: gpu, why: "a GPU is there, and graphs for it"}, nil
}

// there refuses GPUs that sessions cannot be opened on, such as those that were asked for by name on a machine without one: before
// the first clip meets whatever is missing first.
func there(all []engine.Device, capability func(engine.Device) int, usable func(engine.Device) error) error {
	for _, d := range all {
		switch {
		case d.Host():
		case capability(d) == 0:
			return fmt.Errorf("the device %s was asked for, and no such GPU is given to this process: gpus gives a function one, and `videosdgx doctor` says "+
				"what this machine has; device: auto would do: %w", d, errdefs.ErrFailedPrecondition)
		default:
			if err := usable(d); err != nil {
				return err
			}
		}
	}
	return nil
}

// gpuVisible says whether the driver's device nodes are there for this process: /dev/nvidiactl, or WSL's.
func gpuVisible() bool {
	return slices.ContainsFunc([]string{"/dev/nvidiactl", "/dev/dxg"}, func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	})
}

func fileNames(b *weights.Bundle) (names []string) {
	for _, f := range b.Files {
		names = append(names, f.Path)
	}
	return names
}

// placed is a model that says where it runs.
type placed struct {
	handler.Model
	on choice
	m  weights.Manifest
}

// Engine is the engine that makes clips now, and why it is that one.
func (p placed) Engine() (name, why string) {
	if e, ok := p.Model.(interface{ Engine() (string, string) }); ok {
		return e.Engine()
	}
	return "", ""
}

func (p placed) Describe() handler.Description {
	d := p.Model.Describe()
	d.Device = p.on.String()
	d.Precision, d.Sealed = p.m.HeldAs(), bytes.Equal(d.Schema, p.m.Schema)
	if !p.on.Host() {
		d.Activations, d.Attention = p.m.ComputesIn(), p.on.attends.String()
	}
	if p.m.License != nil {
		d.License = p.m.License.Name
	}
	return d
}
