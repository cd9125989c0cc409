package form

import (
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
)

// Need is what a graph's plan asks of a GPU: the compute capability (89 is 8.9) from which on there is the type that it computes in.
type Need struct {
	Capability int // 0: any will do
	Type       string
}

// The types of plans that not every GPU has: TensorRT's compiler refuses a graph that has one for a GPU that has it not.
var (
	bf16  = Need{80, "BF16"}
	fp8   = Need{89, "FP8"}
	nvfp4 = Need{100, "NVFP4"}
)

// Needs is what the plan of a graph asks of a GPU, in the form that Of gives it. (That of Eight asks for nothing.)
func Needs(m *onnx.Model) Need {
	most := Need{}
	for i := range m.Graph.Nodes {
		n := bf16
		switch format(&m.Graph.Nodes[i]) {
		case "":
			continue
		case quant.FP8:
			n = fp8
		case quant.NVFP4:
			n = nvfp4
		}
		if n.Capability > most.Capability {
			most = n
		}
	}
	if most.Capability == 0 && activation(m) == onnx.BFloat16 {
		return bf16
	}
	return most
}

// format is that of a quantized product's weight; empty: the node is none.
func format(n *onnx.Node) quant.Format {
	if n.Domain != quant.Domain || n.Op != quant.Operator {
		return ""
	}
	for _, a := range n.Attrs {
		if a.Name == "format" {
			return quant.Format(a.S)
		}
	}
	return ""
}

// Takes are the formats of bundles whose plans a GPU of this compute capability takes, of those that need no newer one.
func Takes(capability int) []quant.Format {
	switch {
	case capability >= nvfp4.Capability:
		return []quant.Format{quant.NVFP4, quant.FP8, quant.INT8, quant.INT4, quant.NF4, quant.BF16}
	case capability >= fp8.Capability:
		return []quant.Format{quant.FP8, quant.INT8, quant.INT4, quant.NF4, quant.BF16}
	case capability >= bf16.Capability:
		return []quant.Format{quant.INT8, quant.INT4, quant.NF4, quant.BF16}
	}
	return nil
}
