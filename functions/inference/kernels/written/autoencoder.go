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
	length := out + "/l2"
	if more := number(n, "under"); more > 0 {
		w.op("ReduceSumSquare", []string{x, w.ints(1)}, []string{out + "/squares"})
		w.op("Add", []string{out + "/squares", w.float(more)}, []string{out + "/sum"})
		w.op("Sqrt", []string{out + "/sum"}, []string{length})
	} else {
		w.op("ReduceL2", []string{x, w.ints(1)}, []string{length})
	}
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
	moved, pads := w.beyond(n, x, before)
	w.op("Transpose", []string{n.Inputs[1]}, []string{weight}, onnx.Ints("perm", 0, 2, 1))
	w.op("Reshape", []string{weight, w.ints(0, 0, kernel[0], kernel[1], kernel[2])}, []string{weight + "/cube"})
	made := name + "/conv"
	w.op("Conv", []string{moved, weight + "/cube", n.Inputs[2]}, []string{made}, onnx.Ints("kernel_shape", kernel...),
		onnx.Ints("strides", integer(n, "stride_t"), integer(n, "stride_h"), integer(n, "stride_w")), onnx.Ints("pads", pads...))
	if scale := number(n, "scale"); scale != 0 {
		w.op("Mul", []string{made, w.float(scale)}, []string{name + "/scaled"})
		made = name + "/scaled"
	}
	w.rounds(name, t, func(exact string) {
		if residual := input(n, 4); residual != "" {
			w.inward(made, exact+"/alone")
			w.op("Add", []string{exact + "/alone", residual}, []string{exact})
			return
		}
		w.inward(made, exact)
	})
}

// beyond is what a convolution looks at, with its channels in front and padded where its padding is no zeros, and what zeros are left
// to pad it with: frames, height and width before, then behind.
func (w *writer) beyond(n onnx.Node, x string, before int64) (moved string, zeros []int64) {
	moved = n.Outputs[0] + "/moved"
	w.outward(x, moved)
	zeros = []int64{before, integer(n, "top"), integer(n, "left"), integer(n, "after"), integer(n, "bottom"), integer(n, "right")}
	pad := func(mode string, axes ...int) {
		pads := make([]int64, 10)
		for _, a := range axes {
			pads[2+a], pads[7+a], zeros[a], zeros[3+a] = zeros[a], zeros[3+a], 0, 0
		}
		w.op("Pad", []string{moved, w.ints(pads...)}, []string{moved + "/" + mode}, onnx.Str("mode", mode))
		moved += "/" + mode
	}
	if integer(n, "edge") == 1 {
		pad("edge", 0)
	}
	if integer(n, "mirror") == 1 {
		pad("reflect", 1, 2)
	}
	return moved, zeros
}
