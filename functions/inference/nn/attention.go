package nn

import (
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Attention is softmax(q·kᵀ·scale + bias)·v for q, k, v of [batch, tokens, heads·dim]. scale 0 means 1/√dim; bias "" means
// none, else it broadcasts to [batch, heads, queries, keys].
func (n *Net) Attention(q, k, v, bias onnx.Value, heads int64, scale float64) onnx.Value {
	inputs := []onnx.Value{q, k, v}
	if bias != "" {
		inputs = append(inputs, bias)
	}
	attrs := []onnx.Attr{onnx.Int("q_num_heads", heads), onnx.Int("kv_num_heads", heads)}
	if scale != 0 {
		attrs = append(attrs, onnx.Float("scale", float32(scale)))
	}
	return n.Op("Attention", inputs, attrs...)
}

// RotaryPairs turns the neighbouring pairs (x0, x1) of every head by the angles whose cosines and sines are given as
// [batch, tokens, dim/2].
func (n *Net) RotaryPairs(x, cos, sin onnx.Value, heads int64) onnx.Value {
	return n.Op("RotaryEmbedding", []onnx.Value{x, cos, sin}, onnx.Int("interleaved", 1), onnx.Int("num_heads", heads))
}
