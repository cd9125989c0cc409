package written

import (
	"fmt"
	"slices"
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// own writes one of this project's operators out; given are the names of its inputs in the graph.
func (w *writer) own(n onnx.Node, given []string) error {
	x, name := n.Inputs[0], n.Outputs[0]
	stream := w.half[given[0]]
	switch n.Op {
	case "ModulatedNorm", "ModulatedNormBF16", "ModulatedNormFP16":
		t := stream
		if suffix, ok := strings.CutPrefix(n.Op, "ModulatedNorm"); ok && suffix != "" {
			t = map[string]onnx.DType{"BF16": onnx.BFloat16, "FP16": onnx.Float16}[suffix]
		}
		w.rounds(name, t, func(exact string) { w.norm(n, x, n.Inputs[1], input(n, 2), exact) })
	case "ModulatedNormCodes":
		w.norm(n, x, n.Inputs[1], input(n, 2), name+"/normed")
		w.codes(name+"/normed", n.Outputs)
	case "GatedNorm", "GatedNormCodes":
		w.rounds(name, stream, func(exact string) { w.gated(x, n.Inputs[1], n.Inputs[2], exact) })
		sum := w.in(name)
		if n.Op == "GatedNormCodes" {
			w.norm(n, sum, n.Inputs[3], input(n, 4), name+"/normed")
			w.codes(name+"/normed", n.Outputs[1:])
			break
		}
		w.rounds(n.Outputs[1], w.half[given[1]], func(exact string) { w.norm(n, sum, n.Inputs[3], input(n, 4), exact) })
	case "GatedAdd":
		w.rounds(name, stream, func(exact string) { w.gated(x, n.Inputs[1], n.Inputs[2], exact) })
	case "RMSRotary":
		w.rounds(name, stream, func(exact string) { w.rms(n, exact) })
	case "QuantizeRows":
		if text(n, "epilogue") == "gelu_tanh" {
			w.op("Gelu", []string{x}, []string{name + "/gelu"}, onnx.Str("approximate", "tanh"))
			x = name + "/gelu"
		}
		w.codes(x, n.Outputs)
	case "QuantLinear":
		w.rounds(name, stream, func(exact string) { w.linear(n, stream, false, exact) })
	case "CodeLinear", "CodeLinearFP16":
		t := onnx.BFloat16
		if n.Op == "CodeLinearFP16" {
			t = onnx.Float16
		}
		w.op("Mul", n.Inputs[:2], []string{name + "/x"})
		n.Inputs = append([]string{name + "/x"}, n.Inputs[2:]...)
		w.rounds(name, t, func(exact string) { w.linear(n, t, true, exact) })
	default:
		return w.autoencoder(n, stream)
	}
	return nil
}

// gated is x + gate·y.
func (w *writer) gated(x, y, gate, out string) {
	if gate != "" {
		w.op("Mul", []string{y, gate}, []string{out + "/gated"})
		y = out + "/gated"
	}
	w.op("Add", []string{x, y}, []string{out})
}

// norm is norm(x)·(one + scale) + shift.
func (w *writer) norm(n onnx.Node, x, scale, shift, out string) {
	w.op("Add", []string{scale, w.float(number(n, "one"))}, []string{out + "/scale"})
	if attr, ok := find(n, "center"); ok && attr.I == 0 {
		w.rmsOver(x, out, number(n, "epsilon"), shift)
		return
	}
	w.op("LayerNormalization", []string{x, out + "/scale", shift}, []string{out}, onnx.Int("axis", -1), onnx.Float("epsilon", number(n, "epsilon")))
}

// rmsOver is x/√(mean x² + epsilon) times out/scale, plus shift.
func (w *writer) rmsOver(x, out string, epsilon float32, shift string) {
	w.op("Mul", []string{x, x}, []string{out + "/square"})
	w.op("ReduceMean", []string{out + "/square", w.ints(-1)}, []string{out + "/mean"})
	w.op("Add", []string{out + "/mean", w.float(epsilon)}, []string{out + "/more"})
	w.op("Sqrt", []string{out + "/more"}, []string{out + "/root"})
	w.op("Div", []string{x, out + "/root"}, []string{out + "/unit"})
	scaled := out
	if shift != "" {
		scaled += "/scaled"
		defer w.op("Add", []string{scaled, shift}, []string{out})
	}
	w.op("Mul", []string{out + "/unit", out + "/scale"}, []string{scaled})
}

func (w *writer) rms(n onnx.Node, out string) {
	normed := out
	if len(n.Inputs) == 4 {
		normed = out + "/normed"
	}
	w.op("RMSNormalization", n.Inputs[:2], []string{normed}, onnx.Int("axis", -1), onnx.Float("epsilon", number(n, "epsilon")))
	if normed != out {
		d := w.weights[n.Inputs[1]].Dims
		w.op("RotaryEmbedding", []string{normed, n.Inputs[2], n.Inputs[3]}, []string{out}, onnx.Int("interleaved", 1), onnx.Int("num_heads", d[len(d)-1]/integer(n, "head")))
	}
}

// codes are rows as FP8 with a scale for each, both as numbers.
func (w *writer) codes(x string, out []string) {
	w.op("Abs", []string{x}, []string{out[0] + "/abs"})
	w.op("ReduceMax", []string{out[0] + "/abs", w.ints(-1)}, []string{out[0] + "/most"}, onnx.Int("keepdims", 1))
	w.op("Div", []string{out[0] + "/most", w.float(448)}, []string{out[0] + "/scale"})
	w.op("Max", []string{out[0] + "/scale", w.float(1e-30)}, out[1:2])
	w.op("Div", []string{x, out[1]}, []string{out[0] + "/divided"})
	w.op("Cast", []string{out[0] + "/divided"}, []string{out[0] + "/fp8"}, onnx.Int("to", onnx.Float8E4M3))
	w.op("Cast", []string{out[0] + "/fp8"}, out[:1], onnx.Int("to", onnx.Float32))
}

// linear is x·Wᵀ + bias, its GELU where it has one. The CPU has the operator for codes, where x is coded too; numbers of 16 bits are
// multiplied as such, and FP8 is decoded to the type of x.
func (w *writer) linear(n onnx.Node, t onnx.DType, coded bool, out string) {
	if text(n, "epilogue") == "gelu_tanh" {
		n.Attrs = slices.DeleteFunc(slices.Clone(n.Attrs), func(a onnx.Attr) bool { return a.Name == "epilogue" })
		defer w.op("Gelu", []string{out + "/product"}, []string{out}, onnx.Str("approximate", "tanh"))
		out += "/product"
	}
	bias := input(n, 6)
	if bias != "" && narrow(t) {
		bias = w.rounded(bias, t)
	}
	weight := w.matrix(n, t, coded)
	if weight == "" {
		n.Op, n.Inputs, n.Outputs = "QuantLinear", slices.Clone(n.Inputs), []string{out}
		if bias != "" {
			n.Inputs[6] = bias
		}
		w.nodes = append(w.nodes, n)
		return
	}
	product := out
	if bias != "" {
		product = out + "/bare"
		defer w.op("Add", []string{product, bias}, []string{out})
	}
	w.op("MatMul", []string{n.Inputs[0], weight}, []string{product})
}

// matrix is Wᵀ as numbers; empty where the CPU's operator takes its codes.
func (w *writer) matrix(n onnx.Node, t onnx.DType, coded bool) string {
	switch format := text(n, "format"); {
	case format == "bf16":
		return w.turned(n.Inputs[1], onnx.BFloat16)
	case format == "fp16":
		return w.turned(n.Inputs[1], onnx.Float16)
	case format == "fp8" && narrow(t) && !coded:
		return w.decoded(n.Inputs[1], n.Inputs[2], t)
	}
	return ""
}

// decoded is Wᵀ of codes in FP8, every value of which, times its scale, is rounded to the type.
func (w *writer) decoded(codes, scales string, t onnx.DType) string {
	out := fmt.Sprint(codes, " turned as ", t)
	if !w.have[out] {
		w.have[out] = true
		c := *w.weights[codes]
		c.Name, c.Type = codes+"/fp8", onnx.Float8E4M3
		w.op("Cast", []string{w.constant(c)}, []string{codes + "/wide"}, onnx.Int("to", onnx.Float32))
		w.op("Reshape", []string{scales, w.ints(-1, 1)}, []string{codes + "/column"})
		w.op("Mul", []string{codes + "/wide", codes + "/column"}, []string{codes + "/scaled"})
		w.op("Transpose", []string{w.rounded(codes+"/scaled", t)}, []string{out}, onnx.Ints("perm", 1, 0))
	}
	return out
}

// rounded is a value in float32 as the type has it.
func (w *writer) rounded(v string, t onnx.DType) string {
	out := fmt.Sprint(v, " as ", t)
	if !w.have[out] {
		w.have[out] = true
		w.op("Cast", []string{v}, []string{out + "/rounded"}, onnx.Int("to", t))
		w.op("Cast", []string{out + "/rounded"}, []string{out}, onnx.Int("to", onnx.Float32))
	}
	return out
}

// turned is Wᵀ of a weight that lies as bytes.
func (w *writer) turned(codes string, is onnx.DType) string {
	out := codes + "/turned"
	if !w.have[out] {
		w.have[out] = true
		c := *w.weights[codes]
		c.Name, c.Type, c.Dims = codes+"/numbers", is, []int64{c.Dims[0], c.Dims[1] / 2}
		w.op("Cast", []string{w.constant(c)}, []string{codes + "/wide"}, onnx.Int("to", onnx.Float32))
		w.op("Transpose", []string{codes + "/wide"}, []string{out}, onnx.Ints("perm", 1, 0))
	}
	return out
}
