package nn

import (
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Attention is softmax(q·kᵀ·scale + bias)·v for q, k, v of [batch, tokens, heads·dim]. scale 0 means 1/√dim; bias "" means
// none, else it broadcasts to [batch, heads, queries, keys]; where the policy slices attention its queries must be there in full.
func (n *Net) Attention(q, k, v, bias onnx.Value, heads int64, scale float64) onnx.Value {
	return n.GroupedAttention(q, k, v, bias, heads, heads, scale)
}

// GroupedAttention is Attention with fewer heads of keys and values: neighbouring heads of queries share one.
func (n *Net) GroupedAttention(q, k, v, bias onnx.Value, heads, kvHeads int64, scale float64) onnx.Value {
	slices := n.policy.AttentionSlices
	if slices < 2 {
		return n.attention(q, k, v, bias, heads, kvHeads, scale)
	}
	tokens := n.DimOf(q, 1)
	queries, biases := n.sliced(q, tokens, 1, 3, slices), make([]onnx.Value, slices)
	if bias != "" {
		biases = n.sliced(bias, tokens, 2, 4, slices)
	}
	parts := make([]onnx.Value, slices)
	for i := range parts {
		parts[i] = n.attention(queries[i], k, v, biases[i], heads, kvHeads, scale)
	}
	return n.Op("Slice", []onnx.Value{n.Concat(1, parts...), n.Ints(0), tokens, n.Ints(1)})
}

// sliced is x, of rank dimensions, cut along an axis of size tokens into equal parts: zeros fill the last one.
func (n *Net) sliced(x, tokens onnx.Value, axis, rank int64, parts int) []onnx.Value {
	missing := n.Op("Mod", []onnx.Value{n.Op("Neg", []onnx.Value{tokens}), n.Ints(int64(parts))}) // the sign of the divisor
	pads := n.Concat(0, n.Ints(make([]int64, rank+axis)...), missing)
	if after := rank - axis - 1; after > 0 {
		pads = n.Concat(0, pads, n.Ints(make([]int64, after)...))
	}
	return n.Split(n.Op("Pad", []onnx.Value{x, pads}), axis, parts)
}

func (n *Net) attention(q, k, v, bias onnx.Value, heads, kvHeads int64, scale float64) onnx.Value {
	inputs := []onnx.Value{q, k, v}
	if bias != "" {
		inputs = append(inputs, bias)
	}
	attrs := []onnx.Attr{onnx.Int("q_num_heads", heads), onnx.Int("kv_num_heads", kvHeads)}
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

// RotaryHalves turns every head's first half against its second by the angles whose cosines and sines are given as [batch,
// tokens, dim/2].
func (n *Net) RotaryHalves(x, cos, sin onnx.Value, heads int64) onnx.Value {
	return n.Op("RotaryEmbedding", []onnx.Value{x, cos, sin}, onnx.Int("num_heads", heads))
}

// RotaryPart turns the first dim values of every head, their first half against their second, by the angles whose cosines and
// sines are given as [batch, tokens, dim/2]. The rest of a head stays.
func (n *Net) RotaryPart(x, cos, sin onnx.Value, heads, dim int64) onnx.Value {
	return n.Op("RotaryEmbedding", []onnx.Value{x, cos, sin}, onnx.Int("num_heads", heads), onnx.Int("rotary_embedding_dim", dim))
}
