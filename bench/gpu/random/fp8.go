package random

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// FP8 turns those products of m with BF16 weights whose weight's name is wanted into ones with FP8 weights, a scale per
// output channel. Store fills them.
func FP8(m *onnx.Model, wanted func(weight string) bool) {
	for i := range m.Graph.Nodes {
		if n := &m.Graph.Nodes[i]; n.Op == "QuantLinear" && wanted(n.Inputs[1]) {
			coded(m, n)
		}
	}
}

func coded(m *onnx.Model, n *onnx.Node) {
	for i := range n.Attrs {
		if n.Attrs[i].Name == "format" {
			n.Attrs[i].S = "fp8"
		}
	}
	for i := range m.Graph.Initializers {
		if t := &m.Graph.Initializers[i]; t.Name == n.Inputs[1] {
			t.Dims = []int64{t.Dims[0], t.Dims[1] / 2}
			scale := make([]byte, 4*t.Dims[0])
			for j := 0; j < len(scale); j += 4 {
				binary.LittleEndian.PutUint32(scale[j:], math.Float32bits(Scale8))
			}
			n.Inputs[2] = strings.TrimSuffix(t.Name, ".codes") + ".scales"
			m.Graph.Initializers = append(m.Graph.Initializers, onnx.Tensor{Name: n.Inputs[2], Type: onnx.Float32, Dims: []int64{t.Dims[0]}, Raw: scale})
			return
		}
	}
}
