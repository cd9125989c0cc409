package tensorrt

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/form"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// prepared is a bundle's graph as TensorRT takes it: a small file, and contents that lie in the bundle's mapped files.
type prepared struct {
	path    string // of the graph, in a folder of its own
	weights []form.Weight
	mapped  *mappedWeights
	pins    runtime.Pinner // contents that had to be made, which C reads
}

// prepare reads the graph at path and brings it into TensorRT's form.
func prepare(path string) (p *prepared, err error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read graph: %w", err)
	}
	model, err := onnx.Decode(raw)
	if err != nil {
		return nil, fmt.Errorf("graph %s: %w", path, err)
	}
	p = &prepared{mapped: &mappedWeights{dir: filepath.Dir(path), files: map[string][]byte{}}}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	g, err := form.Of(model, p.mapped.content)
	if err != nil {
		return nil, fmt.Errorf("graph %s: %w", path, err)
	}
	p.weights = g.Weights
	return p, p.store(g.Model)
}

func (p *prepared) store(m *onnx.Model) error {
	raw, err := m.Encode()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "videosdgx-plan-")
	if err != nil {
		return fmt.Errorf("make a folder for the graph: %w: %w", err, errdefs.ErrUnavailable)
	}
	p.path = filepath.Join(dir, "graph.onnx")
	return os.WriteFile(p.path, raw, 0o600)
}

func (p *prepared) close() error {
	p.pins.Unpin()
	p.mapped.close()
	if p.path == "" {
		return nil
	}
	return os.RemoveAll(filepath.Dir(p.path))
}
