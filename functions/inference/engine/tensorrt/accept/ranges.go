package accept

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/form"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Scales measures what each quantized product of a bundle's graph is fed while it runs what was captured: the greatest
// magnitude / 127, by the name of the value. The engine runs the graph as TensorRT 8 gets it, in float32.
func Scales(ctx context.Context, e engine.Engine, graph string, captured []record.Capture) (scales map[string]float32, err error) {
	dir, err := os.MkdirTemp("", "videosdgx-ranges-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	m, err := onnx.ReadFile(graph)
	if err != nil {
		return nil, err
	}
	names := form.Products(m)
	if len(names) == 0 {
		return nil, nil
	}
	if err := tensorrt.Lower(tensorrt.Recipe{Model: graph}, dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "graph.onnx")
	if err := watch(path, names); err != nil {
		return nil, err
	}
	s, err := e.Open(ctx, path, engine.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return greatest(ctx, s, names, captured)
}

const magnitude = "/greatest"

// watch adds the greatest magnitude of each value to a graph's outputs.
func watch(path string, names []string) error {
	m, err := onnx.ReadFile(path)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, v := range names {
		if seen[v] {
			continue
		}
		seen[v] = true
		m.Graph.Nodes = append(m.Graph.Nodes,
			onnx.Node{Name: v + "/abs", Op: "Abs", Inputs: []string{v}, Outputs: []string{v + "/abs"}},
			onnx.Node{Name: v + magnitude, Op: "ReduceMax", Inputs: []string{v + "/abs"}, Outputs: []string{v + magnitude}, Attrs: []onnx.Attr{onnx.Int("keepdims", 0)}})
		m.Graph.Outputs = append(m.Graph.Outputs, onnx.ValueInfo{Name: v + magnitude, Type: onnx.Float32})
	}
	raw, err := m.Encode()
	if err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o600)
}

func greatest(ctx context.Context, s engine.Session, names []string, captured []record.Capture) (map[string]float32, error) {
	scales := map[string]float32{}
	for _, c := range captured {
		in, err := fit(c.Inputs, s.Inputs())
		if err != nil {
			return nil, err
		}
		out, err := s.Run(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, v := range names {
			t, err := out.Tensor(v + magnitude)
			if err != nil {
				return nil, err
			}
			scales[v] = max(scales[v], t.Float32()[0]/127, 1e-12)
		}
	}
	return scales, nil
}
