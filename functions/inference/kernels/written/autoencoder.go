package written

import (
	"fmt"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// autoencoder writes an operator of an autoencoder out.
func (w *writer) autoencoder(n onnx.Node, t onnx.DType) error {
	name := n.Outputs[0]
	switch n.Op {
	case "ChannelNorm":
		w.rounds(name, t, func(exact string) { w.channelNorm(n, n.Inputs[0], exact) })
	case "LastNorm":
		w.rounds(name, t, func(exact string) {
			w.outward(n.Inputs[0], exact+"/x")
			w.channelNorm(n, exact+"/x", exact+"/first")
			w.inward(exact+"/first", exact)
		})
	case "Double":
		w.rounds(name, t, func(exact string) { w.doubled(n.Inputs[0], exact, w.floats(1, 1, 2, 2)) })
	case "ClipConv":
		w.convolution(n, t)
	default:
		return fmt.Errorf("the operator %s is not known", n.Op)
	}
	return nil
}

func (w *writer) channelNorm(n onnx.Node, x, out string) {
	normed := out
	if text(n, "activation") == "silu" {
		normed += "/normed"
	}
	w.op("ReduceL2", []string{x, w.ints(1)}, []string{out + "/l2"})
	w.op("Max", []string{out + "/l2", w.float(1e-12)}, []string{out + "/most"})
	w.op("Div", []string{x, out + "/most"}, []string{out + "/unit"})
	w.op("Reshape", []string{n.Inputs[1], w.ints(-1, 1, 1, 1)}, []string{out + "/gamma"})
	w.op("Mul", []string{out + "/unit", out + "/gamma"}, []string{normed})
	if normed != out {
		w.op("Sigmoid", []string{normed}, []string{out + "/sigmoid"})
		w.op("Mul", []string{normed, out + "/sigmoid"}, []string{out})
	}
}

func (w *writer) outward(v, out string) {
	w.op("Transpose", []string{v}, []string{out}, onnx.Ints("perm", 0, 4, 1, 2, 3))
}

func (w *writer) inward(v, out string) {
	w.op("Transpose", []string{v}, []string{out}, onnx.Ints("perm", 0, 2, 3, 4, 1))
}

func (w *writer) doubled(x, out, scales string) {
	w.op("Resize", []string{x, "", scales}, []string{out},
		onnx.Str("mode", "nearest"), onnx.Str("coordinate_transformation_mode", "asymmetric"), onnx.Str("nearest_mode", "floor"))
}

// convolution is everything with the channels in front, the frames before joined or padded, the sum behind.
func (w *writer) convolution(n onnx.Node, t onnx.DType) {
	name, x, before := n.Outputs[0], n.Inputs[0], integer(n, "before")
	plain := x
	if integer(n, "double") == 1 {
		w.doubled(x, name+"/doubled", w.floats(1, 1, 2, 2, 1))
		x = name + "/doubled"
	}
	if history := input(n, 3); history != "" {
		w.op("Concat", []string{history, x}, []string{name + "/joined"}, onnx.Int("axis", 1))
		x, before, plain = name+"/joined", 0, name+"/joined"
	}
	if len(n.Outputs) > 1 {
		if before > 0 {
			w.op("Pad", []string{plain, w.ints(0, before, 0, 0, 0, 0, 0, 0, 0, 0)}, []string{name + "/padded"})
			plain = name + "/padded"
		}
		w.rounds(n.Outputs[1], t, func(exact string) {
			w.op("Slice", []string{plain, w.ints(-integer(n, "carry")), w.ints(1 << 62), w.ints(1)}, []string{exact})
		})
	}
	kernel := []int64{integer(n, "kernel_t"), integer(n, "kernel_h"), integer(n, "kernel_w")}
	weight := n.Inputs[1] + "/" + name
	w.outward(x, name+"/moved")
	w.op("Transpose", []string{n.Inputs[1]}, []string{weight}, onnx.Ints("perm", 0, 2, 1))
	w.op("Reshape", []string{weight, w.ints(0, 0, kernel[0], kernel[1], kernel[2])}, []string{weight + "/cube"})
	w.op("Conv", []string{name + "/moved", weight + "/cube", n.Inputs[2]}, []string{name + "/conv"}, onnx.Ints("kernel_shape", kernel...),
		onnx.Ints("strides", integer(n, "stride_t"), integer(n, "stride_h"), integer(n, "stride_w")),
		onnx.Ints("pads", before, integer(n, "top"), integer(n, "left"), 0, integer(n, "bottom"), integer(n, "right")))
	w.rounds(name, t, func(exact string) {
		if residual := input(n, 4); residual != "" {
			w.inward(name+"/conv", exact+"/alone")
			w.op("Add", []string{exact + "/alone", residual}, []string{exact})
			return
		}
		w.inward(name+"/conv", exact)
	})
}
