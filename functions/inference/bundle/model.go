package bundle

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Model is a verified bundle and what will run it: what a model family opens its pipeline from.
type Model struct {
	*weights.Bundle
	Engine  engine.Engine
	Options engine.Options
	// Memory is how much a stage may take on the device, in bytes; 0 when no limit is known.
	Memory int64
	// Free is what was free on the device when the model was given it, in bytes; 0 when nobody has said. It is no limit: it decides
	// whether the stages lie there together where there is none.
	Free int64
	// Beside is what an instance takes on the CPU for a clip beside the stages that its model runs, in bytes; nil: nothing. Memory is
	// of both.
	Beside func(c ClipSize) int64
	// Share is how many bytes of a graph's weights lie on one device, where several, each of that memory, share it; nil: all of them.
	Share func(graph string, weights int64) int64
	// Coarse are the graphs whose products of float32 may have TF32's precision on a GPU; see engine.Options.
	Coarse []string
	// Graphs names the engine whose graphs are opened ("tensorrt"); empty: that of the device.
	Graphs string
}

// Is refuses a bundle of another family.
func (m *Model) Is(family string) error {
	if m.Family != family {
		return fmt.Errorf("bundle %s is of the family %q, not %s: %w", m.Dir, m.Family, family, errdefs.ErrInvalidArgument)
	}
	return nil
}

// Decode reads the configurations of components; each must be there.
func Decode(configs map[string]json.RawMessage, to map[string]any) error {
	for name, v := range to {
		raw, ok := configs[name]
		if !ok {
			return fmt.Errorf("no configuration of the component %s: its folder needs a config.json: %w", name, errdefs.ErrInvalidArgument)
		}
		if err := json.Unmarshal(raw, v); err != nil {
			return fmt.Errorf("configuration of %s: %w: %w", name, Plain(err), errdefs.ErrInvalidArgument)
		}
	}
	return nil
}

// Plain is an error of encoding/json without the names of Go's types: what a field is, and what it should be.
func Plain(err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) || wrong.Field == "" {
		return err
	}
	want := "an object"
	switch wrong.Type.Kind() { //nolint:exhaustive // the rest are objects
	case reflect.Bool:
		want = "true or false"
	case reflect.Int, reflect.Int32, reflect.Int64:
		want = "a whole number"
	case reflect.Float32, reflect.Float64:
		want = "a number"
	case reflect.String:
		want = "text"
	case reflect.Slice, reflect.Array:
		want = "a list"
	}
	return fmt.Errorf("%s is of the JSON type %s: it must be %s", wrong.Field, wrong.Value, want)
}

// Open starts to open the named graphs, in the form built for the engine's device; on the CPU weights are mapped, not read. On another
// device that does not hold all of them together, each stage is loaded when it is needed, in the place of the one before.
func (m *Model) Open(ctx context.Context, graphs []string) *Sessions {
	if !m.Options.Device.Host() && !m.fits(graphs) {
		return OpenInTurn(graphs, m.OpenGraph)
	}
	return OpenAll(ctx, graphs, m.OpenGraph)
}

// fits says whether all graphs lie on the device together. One that cannot be read is told by whoever opens it.
func (m *Model) fits(graphs []string) bool {
	limit, sum := cmp.Or(m.Memory, m.Free), int64(0)
	if limit <= 0 {
		return true
	}
	for _, name := range graphs {
		n, err := m.DeviceBytes(name)
		if err != nil {
			return true
		}
		sum += n
	}
	return together(sum, limit)
}

// DeviceBytes is how many bytes of a graph's weights lie on one device.
func (m *Model) DeviceBytes(graph string) (int64, error) {
	n, err := m.GraphBytes(graph)
	if err != nil || m.Share == nil {
		return n, err
	}
	return m.Share(graph, n), nil
}

// OpenGraph opens one graph, which the caller closes.
func (m *Model) OpenGraph(ctx context.Context, name string) (engine.Session, error) {
	path, err := m.graph(name)
	if err != nil {
		return nil, err
	}
	o := m.Options
	o.Coarse = slices.Contains(m.Coarse, name)
	return m.Engine.Open(ctx, path, o)
}

// GraphBytes is the size of the weights that a graph uses, each once.
func (m *Model) GraphBytes(name string) (n int64, err error) {
	path, err := m.graph(name)
	if err != nil {
		return 0, err
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	g, err := onnx.Decode(raw)
	if err != nil {
		return 0, fmt.Errorf("graph %s: %w", path, err)
	}
	for i := range g.Graph.Initializers {
		n += g.Graph.Initializers[i].Bytes()
	}
	return n, nil
}

// Has says whether the bundle has a graph, in the form that would be opened.
func (m *Model) Has(name string) bool {
	_, err := m.graph(name)
	return err == nil
}

func (m *Model) graph(name string) (string, error) {
	kind := m.Options.Device.Kind
	if m.Options.Device.Host() {
		kind = engine.CPU
	}
	if m.Graphs != "" {
		kind = engine.Kind(m.Graphs)
	}
	file := GraphFile(name, string(kind))
	if m.Version == 1 && kind == engine.CPU { // bundles knew one engine
		file = name + ".onnx"
	}
	path, err := m.Path(file)
	if err != nil {
		return "", fmt.Errorf("bundle %s was not built for the engine %s (it has no %s); build it again with `videosdgx models build`: %w", m.Dir, kind, file, errdefs.ErrFailedPrecondition)
	}
	return path, nil
}

// GraphFile is the name of a graph's file for an engine ("cpu", "cuda", "tensorrt"), without the bundle's folder. All lie
// beside the weights: ONNX Runtime follows no path out of a model's folder.
func GraphFile(graph, engine string) string { return graph + "." + engine + ".onnx" }
