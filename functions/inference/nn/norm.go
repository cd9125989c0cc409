package nn

import (
	"fmt"
	"math"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// LayerNorm is over the last dimension with the weight and bias of name.
func (n *Net) LayerNorm(x onnx.Value, name string, dim int64, eps float64) onnx.Value {
	return n.layerNorm(x, n.Param(name+".weight", dim), n.Param(name+".bias", dim), eps)
}

// LayerNormPlusOne is LayerNorm of checkpoints that store the weight less one, as Megatron's layernorm_1p does. The bundle has
// the sum, so that the type of the activations does not round the difference away.
func (n *Net) LayerNormPlusOne(x onnx.Value, name string, dim int64, eps float64) onnx.Value {
	dims := []int64{dim}
	return n.layerNorm(x, n.flow(n.heldAs(name+".weight", onnx.Float32, dims, dims, func(v float32) float32 { return v + 1 })), n.Param(name+".bias", dim), eps)
}

// Modulate is LayerNorm without weights, times (1+scale), plus shift: adaptive layer norm. Both are [batch, 1, dim]; the
// norm takes them as its weights, one pass instead of three.
func (n *Net) Modulate(x, scale, shift onnx.Value, eps float64) onnx.Value {
	return n.layerNorm(x, n.Add(scale, n.Float(1)), shift, eps)
}

// PlainNorm is LayerNorm over the last dimension, without weights.
func (n *Net) PlainNorm(x onnx.Value, dim int64, eps float64) onnx.Value {
	one, zero := make([]float32, dim), make([]float32, dim)
	for i := range one {
		one[i] = 1
	}
	return n.layerNorm(x, n.Constant("norm.one", []int64{dim}, one), n.Constant("norm.zero", []int64{dim}, zero), eps)
}

// Constant is a number of the formula's, in the activation type. A second call with the same name is the same constant.
func (n *Net) Constant(name string, dims []int64, v []float32) onnx.Value {
	return n.flow(n.Builder.Floats(name, dims, v))
}

func (n *Net) layerNorm(x, weight, bias onnx.Value, eps float64) onnx.Value {
	return n.Op("LayerNormalization", []onnx.Value{x, weight, bias}, onnx.Int("axis", -1), onnx.Float("epsilon", float32(eps)))
}

// RMSNorm is x/√(mean x² + eps) times the weight of name, over the last dimension.
func (n *Net) RMSNorm(x onnx.Value, name string, dim int64, eps float64) onnx.Value {
	return n.Op("RMSNormalization", []onnx.Value{x, n.Param(name+".weight", dim)}, onnx.Int("axis", -1), onnx.Float("epsilon", float32(eps)))
}

// RMSNormPlusOne is RMSNorm of checkpoints that store what the weight differs from one by, as Gemma's do. The bundle has the sum.
func (n *Net) RMSNormPlusOne(x onnx.Value, name string, dim int64, eps float64) onnx.Value {
	dims := []int64{dim}
	w := n.flow(n.heldAs(name+".weight", onnx.Float32, dims, dims, func(v float32) float32 { return v + 1 }))
	return n.Op("RMSNormalization", []onnx.Value{x, w}, onnx.Int("axis", -1), onnx.Float("epsilon", float32(eps)))
}

// ChannelNorm is x/max(‖x‖, 1e-12)·√C·gamma over the channels of [batch, C, T, H, W] (F.normalize times gamma).
// gammaDims is the shape that the checkpoint stores gamma in: [C,1,1,1] for clips, [C,1,1] for frames. The bundle has √C
// in the weight, one pass over the clip less.
func (n *Net) ChannelNorm(x onnx.Value, name string, gammaDims ...int64) onnx.Value {
	c := gammaDims[0]
	norm := n.Op("Max", []onnx.Value{n.Op("ReduceL2", []onnx.Value{x, n.Ints(1)}), n.Float(1e-12)})
	root := float32(math.Sqrt(float64(c)))
	return n.Mul(n.Div(x, norm), n.flow(n.held(name+".gamma", onnx.Float32, gammaDims, []int64{c, 1, 1, 1}, root)))
}

// RMS is x/√(mean x² + eps) over the last dimension, without a weight. It has as many ones as the dimension: the library's CUDA
// kernel reads a weight for each value, whatever the shape of the weight is.
func (n *Net) RMS(x onnx.Value, dim int64, eps float64) onnx.Value {
	one := make([]float32, dim)
	for i := range one {
		one[i] = 1
	}
	ones := n.Constant(fmt.Sprintf("norm.ones.%d", dim), []int64{dim}, one)
	return n.Op("RMSNormalization", []onnx.Value{x, ones}, onnx.Int("axis", -1), onnx.Float("epsilon", float32(eps)))
}
