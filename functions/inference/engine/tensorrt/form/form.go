// Package form brings a graph of a bundle into the form that TensorRT takes: standard operators alone, strongly typed, with
// quantized weights as DequantizeLinear nodes over the very bytes of the bundle. What TensorRT has no type for (NF4, INT8 in
// blocks) is decoded to BF16 for the build, and said so.
package form

import (
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
)

// Graph is a graph for TensorRT. Its weights' contents are apart: they lie where the bundle is mapped, unless they had to be
// made.
type Graph struct {
	Model   *onnx.Model
	Weights []Weight
	// Decoded names the weights that TensorRT cannot take as they are held, with the format that they had.
	Decoded map[string]quant.Format
}

// Weight is the content of an initializer.
type Weight struct {
	Name string
	Data []byte
}

// Of rewrites m, which it changes. content gives the bytes of an external initializer. An INT8 weight whose x is named in scales
// is multiplied as codes: x by that scale (its greatest magnitude / 127), the weight by one for each row.
func Of(m *onnx.Model, content func(*onnx.Tensor) ([]byte, error), scales map[string]float32) (*Graph, error) {
	r := newRewriter(m, content)
	r.activation, r.scales = activation(m), scales
	return r.g, r.rewrite()
}

func newRewriter(m *onnx.Model, content func(*onnx.Tensor) ([]byte, error)) *rewriter {
	r := &rewriter{g: &Graph{Model: m, Decoded: map[string]quant.Format{}}, content: content, held: map[string]*onnx.Tensor{}, made: map[string]bool{}}
	for i := range m.Graph.Initializers {
		r.held[m.Graph.Initializers[i].Name] = &m.Graph.Initializers[i]
	}
	return r
}

// rewrite replaces every quantized product.
func (r *rewriter) rewrite() error {
	m := r.g.Model
	nodes := m.Graph.Nodes
	m.Graph.Nodes = nil
	for i := range nodes {
		if nodes[i].Domain != quant.Domain {
			m.Graph.Nodes = append(m.Graph.Nodes, nodes[i])
			continue
		}
		if nodes[i].Op != quant.Operator {
			return fmt.Errorf("node %s: TensorRT has no operator %s of %s: %w", nodes[i].Name, nodes[i].Op, nodes[i].Domain, errdefs.ErrNotImplemented)
		}
		if err := r.product(&nodes[i]); err != nil {
			return fmt.Errorf("node %s: %w", nodes[i].Name, err)
		}
	}
	return r.weights()
}

// activation is the type of what flows between the graph's nodes: graphs of another type than float32 cast what comes in.
func activation(m *onnx.Model) onnx.DType {
	for _, n := range m.Graph.Nodes {
		if n.Op != "Cast" {
			continue
		}
		for _, a := range n.Attrs {
			if t := onnx.DType(a.I); a.Name == "to" && (t == onnx.BFloat16 || t == onnx.Float16) {
				return t
			}
		}
	}
	return onnx.Float32
}

type rewriter struct {
	g          *Graph
	content    func(*onnx.Tensor) ([]byte, error)
	activation onnx.DType
	held       map[string]*onnx.Tensor // initializers of the graph as it was
	made       map[string]bool         // initializers and nodes that rewriting made, by name
	fresh      []onnx.Tensor
	data       []Weight
	eight      bool               // for TensorRT 8.6: weights are decoded, or INT8
	scales     map[string]float32 // by which INT8 takes x, by its name
}

// weights drops the initializers that no node reads any more and lists the contents of the others.
func (r *rewriter) weights() error {
	used := map[string]bool{}
	for _, n := range r.g.Model.Graph.Nodes {
		for _, in := range n.Inputs {
			used[in] = true
		}
	}
	var kept []onnx.Tensor
	for _, t := range r.g.Model.Graph.Initializers {
		if !used[t.Name] || r.made[t.Name] { // a weight that was made anew keeps its name
			continue
		}
		if t.External != nil {
			raw, err := r.content(&t)
			if err != nil {
				return err
			}
			r.g.Weights = append(r.g.Weights, Weight{t.Name, raw})
		}
		kept = append(kept, t)
	}
	r.g.Model.Graph.Initializers = append(kept, r.fresh...)
	r.g.Weights = append(r.g.Weights, r.data...)
	return nil
}

// weight adds an initializer whose content is raw.
func (r *rewriter) weight(name string, t onnx.DType, dims []int64, raw []byte) (string, error) {
	if r.made[name] {
		return name, nil
	}
	x := onnx.Tensor{Name: name, Type: t, Dims: dims}
	if int64(len(raw)) != x.Bytes() {
		return "", fmt.Errorf("weight %s of the shape %v has %d bytes, not %d: %w", name, dims, len(raw), x.Bytes(), errdefs.ErrInvalidArgument)
	}
	// the location is never opened: the content is handed over
	x.External = &onnx.External{Location: "weights", Length: x.Bytes()}
	r.made[name] = true
	r.fresh = append(r.fresh, x)
	r.data = append(r.data, Weight{name, raw})
	return name, nil
}

// op adds a node with one result, whose name is given.
func (r *rewriter) op(result, op string, inputs []string, attrs ...onnx.Attr) string {
	if !r.made[result] {
		r.made[result] = true
		r.g.Model.Graph.Nodes = append(r.g.Model.Graph.Nodes, onnx.Node{Name: result, Op: op, Inputs: inputs, Outputs: []string{result}, Attrs: attrs})
	}
	return result
}

// cast is a float32 value in the activation type.
func (r *rewriter) cast(v string) string {
	if r.activation == onnx.Float32 {
		return v
	}
	return r.op(v+"/cast", "Cast", []string{v}, onnx.Int("to", int64(r.activation)))
}
