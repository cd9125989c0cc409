package form

import (
	"encoding/binary"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
)

// opsetEight is the last that TensorRT 8.6's parser knows.
const opsetEight = 17

// EightOptions say how a graph becomes one for TensorRT 8.6.
type EightOptions struct {
	// Scales are those of products' inputs that become INT8.
	Scales map[string]float32
	// Slices is in how many parts of the queries attention is computed; their number in a run must be a multiple. Below two it
	// is one. No tensor of TensorRT 8.6 has 2³¹ elements, and the scores of all heads soon have.
	Slices int
}

// Eight rewrites m, which it changes, for TensorRT 8.6: float32 throughout, operators of opset 17, every quantized weight
// decoded. That TensorRT is weakly typed: it takes FP16 by itself where a recipe lets it. A product whose x is named in o.Scales
// becomes one of INT8 codes, x by that scale (its greatest magnitude / 127), the weight by one for each row; what the bundle
// held in another format is then quantized again. content gives the bytes of an external initializer.
func Eight(m *onnx.Model, content func(*onnx.Tensor) ([]byte, error), o EightOptions) (*Graph, error) {
	r := newRewriter(m, content)
	r.activation, r.eight, r.scales = onnx.Float32, true, o.Scales
	if err := r.rewrite(); err != nil {
		return nil, err
	}
	if err := floats(r.g); err != nil {
		return nil, err
	}
	l := newLowering(r.g)
	l.slices = int64(o.Slices)
	if err := l.run(); err != nil {
		return nil, err
	}
	m.Opsets = []onnx.Opset{{Version: opsetEight}} // the parser knows no other domain
	m.IRVersion = 8
	return r.g, nil
}

// Products are the inputs of a graph's quantized products: what Eight takes scales of.
func Products(m *onnx.Model) (names []string) {
	for _, n := range m.Graph.Nodes {
		if n.Domain == quant.Domain && n.Op == quant.Operator {
			names = append(names, n.Inputs[inX])
		}
	}
	return names
}

// floats makes float32 of every type that TensorRT 8.6 has not.
func floats(g *Graph) error {
	m, alias := g.Model, map[string]string{}
	held := map[string]bool{}
	for i := range m.Graph.Initializers {
		if err := widen(g, &m.Graph.Initializers[i]); err != nil {
			return err
		}
		held[m.Graph.Initializers[i].Name] = true
	}
	for _, infos := range [][]onnx.ValueInfo{m.Graph.Inputs, m.Graph.Outputs, m.Graph.Values} {
		for i := range infos {
			if half(infos[i].Type) {
				infos[i].Type = onnx.Float32
			}
		}
	}
	kept := m.Graph.Nodes[:0]
	for _, n := range m.Graph.Nodes {
		for i, in := range n.Inputs {
			if a, ok := alias[in]; ok {
				n.Inputs[i] = a
			}
		}
		if n.Op == "Cast" && len(n.Inputs) == 0 {
			return fmt.Errorf("node %s casts nothing: %w", n.Name, errdefs.ErrInvalidArgument)
		}
		if n.Op == "Cast" && half(to(&n)) {
			n.Attrs = []onnx.Attr{onnx.Int("to", int64(onnx.Float32))}
		}
		if n.Op == "Cast" && len(n.Outputs) == 1 && held[n.Inputs[0]] && to(&n) == onnx.Float32 { // a weight is float32 by now
			alias[n.Outputs[0]] = n.Inputs[0]
			continue
		}
		kept = append(kept, n)
	}
	m.Graph.Nodes = kept
	return nil
}

func half(t onnx.DType) bool { return t == onnx.BFloat16 || t == onnx.Float16 }

func to(n *onnx.Node) onnx.DType {
	for _, a := range n.Attrs {
		if a.Name == "to" {
			return onnx.DType(a.I)
		}
	}
	return 0
}

// widen makes a float32 of a BF16 weight; another narrow type has no business in a graph that was decoded.
func widen(g *Graph, t *onnx.Tensor) error {
	switch t.Type {
	case onnx.Float32, onnx.Int64, onnx.Int32, onnx.Int8, onnx.Bool:
		return nil
	case onnx.BFloat16:
	default:
		return fmt.Errorf("weight %s has the element type %d, which TensorRT 8.6 has not: %w", t.Name, t.Type, errdefs.ErrNotImplemented)
	}
	raw := g.content(t)
	wide := make([]byte, 2*len(raw))
	for i := 0; i+1 < len(raw); i += 2 {
		binary.LittleEndian.PutUint32(wide[2*i:], uint32(binary.LittleEndian.Uint16(raw[i:]))<<16)
	}
	t.Type = onnx.Float32
	if t.External == nil {
		t.Raw = wide
		return nil
	}
	t.External.Length = int64(len(wide))
	for i := range g.Weights {
		if g.Weights[i].Name == t.Name {
			g.Weights[i].Data = wide
		}
	}
	return nil
}

// content is the bytes of an initializer of the graph.
func (g *Graph) content(t *onnx.Tensor) []byte {
	if t.External == nil {
		return t.Raw
	}
	for _, w := range g.Weights {
		if w.Name == t.Name {
			return w.Data
		}
	}
	return nil
}
