package ort

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/internal/sharedlib"
)

// ownDomains are those of this project's operators, which one library for each kind of device brings.
var ownDomains = []string{"ai.videosdgx", "videosdgx"}

// kernels is where a device's operators are: the file's name, the variable that names it and wins over every place, and what brings it.
type kernels struct{ name, env, by string }

var kernelsFor = map[engine.Kind]kernels{
	engine.CPU:  {"libvideosdgx_kernels.so", "VIDEOSDGX_KERNELS_LIB", "make build"},
	engine.CUDA: {"libvideosdgx_kernels_cuda.so", "VIDEOSDGX_CUDA_KERNELS", "make setup-gpu"},
}

// operatorsOf are the operator libraries that a graph needs on a device beside those that the caller names: none, or ours.
func operatorsOf(m *onnx.Model, o engine.Options) ([]string, error) {
	ours := func(n onnx.Node) bool { return slices.Contains(ownDomains, n.Domain) }
	i := slices.IndexFunc(m.Graph.Nodes, ours)
	if i < 0 || len(o.Operators) > 0 {
		return o.Operators, nil
	}
	path, err := FindKernels(o.Device)
	if err != nil {
		return nil, fmt.Errorf("its node %s is a %s: %w", m.Graph.Nodes[i].Name, m.Graph.Nodes[i].Op, err)
	}
	return []string{path}, nil
}

// FindKernels is the path of the library with this project's operators for a device: what its variable names, else the
// first found where FindLibrary looks.
func FindKernels(d engine.Device) (string, error) {
	kind := d.Kind
	if d.Host() {
		kind = engine.CPU
	}
	k := kernelsFor[kind]
	if path := os.Getenv(k.env); path != "" {
		if !isFile(path) {
			return "", fmt.Errorf("%s names %s, which is not there; correct it, or unset it and run `%s`: %w", k.env, path, k.by, errdefs.ErrNotFound)
		}
		if err := sharedlib.Check(path); err != nil {
			return "", fmt.Errorf("%s names %s, which cannot be used (%w); correct it, or unset it and run `%s`: %w", k.env, path, err, k.by, errdefs.ErrFailedPrecondition)
		}
		return path, nil
	}
	dirs := libraryDirs()
	if !d.Host() {
		dirs = append([]string{gpuDir()}, dirs...)
	}
	if lib, err := FindLibrary(); err == nil {
		dirs = append([]string{filepath.Dir(lib)}, dirs...)
	}
	for _, dir := range dirs {
		if path := filepath.Join(dir, k.name); isFile(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("the operator library %s is not installed: run `%s`, or set %s to its path: %w", k.name, k.by, k.env, errdefs.ErrNotFound)
}
