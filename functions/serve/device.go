package serve

import (
	"fmt"
	"os"
	"slices"
	"strings"

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
	beside []engine.Device // devices that share the denoiser with it
	why    string
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

// choose turns what is asked for into a device. able says whether the engine can use one; it is asked last, since it loads the
// GPU's libraries, which a function without a GPU never does.
func choose(asked string, files []string, visible bool, able func(engine.Device) error) (choice, error) {
	if asked != auto && asked != "" {
		all, err := devices(asked)
		if err != nil {
			return choice{}, err
		}
		return choice{all[0], all[1:], "asked for"}, nil
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
	d.Precision = p.m.Precision
	if p.m.Chosen != "" {
		d.Precision += " (" + p.m.Chosen + ")"
	}
	if p.m.License != nil {
		d.License = p.m.License.Name
	}
	return d
}
