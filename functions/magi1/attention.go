package magi1

import (
	"strconv"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// attention is that of a block: to this chunk and earlier ones, and beside it to the caption, from one norm and into one
// projection.
func (g *dit) attention(x onnx.Value, layer int64, name string) onnx.Value {
	c := g.c
	x = g.LayerNorm(x, name+"linear_qkv.layer_norm", c.HiddenSize, c.Eps)
	self, cross := g.selfAttention(x, layer, name), g.crossAttention(x, name)
	both := g.Reshape(g.Concat(2, self, cross), g.Ints(0, 0, 2, projGroups, c.heads()/projGroups))
	both = g.Reshape(g.Transpose(both, 0, 1, 3, 2, 4), g.Ints(0, 0, 2*c.heads()))
	return g.Linear(both, name+"linear_proj", 2*c.heads(), c.HiddenSize, false)
}

func (g *dit) selfAttention(x onnx.Value, layer int64, name string) onnx.Value {
	c := g.c
	q := g.normedHeads(g.Linear(x, name+"linear_qkv.q", c.HiddenSize, c.heads(), false), name+"q_layernorm", c.NumHeads)
	k := g.normedHeads(g.Linear(x, name+"linear_qkv.k", c.HiddenSize, c.keys(), false), name+"k_layernorm", c.NumGroups)
	v := g.Linear(x, name+"linear_qkv.v", c.HiddenSize, c.keys(), false)
	turned := 6 * c.bands()
	q = g.RotaryPart(q, g.cos, g.sin, c.NumHeads, turned)
	k = g.RotaryPart(k, g.cos, g.sin, c.NumGroups, turned)
	g.Keep(keysName(layer, nextSlot), k, "batch", "tokens", c.keys())
	g.Keep(valuesName(layer, nextSlot), v, "batch", "tokens", c.keys())
	keys, values := []onnx.Value{}, []onnx.Value{}
	for i := range g.slots {
		slot := strconv.Itoa(i)
		keys = append(keys, g.State(keysName(layer, slot), "batch", "past"+slot, c.keys()))
		values = append(values, g.State(valuesName(layer, slot), "batch", "past"+slot, c.keys()))
	}
	if g.slots > 0 {
		k, v = g.Concat(1, append(keys, k)...), g.Concat(1, append(values, v)...)
	}
	return g.GroupedAttention(q, k, v, "", c.NumHeads, c.NumGroups, 0)
}

// crossAttention is to the caption; the rows of its projection are, for each group, keys and then values.
func (g *dit) crossAttention(x onnx.Value, name string) onnx.Value {
	c := g.c
	q := g.normedHeads(g.Linear(x, name+"linear_qkv.qx", c.HiddenSize, c.heads(), false), name+"q_layernorm_xattn", c.NumHeads)
	kv := g.Reshape(g.Linear(g.text, name+"linear_kv_xattn", c.HiddenSize, 2*c.keys(), false), g.Ints(0, 0, c.NumGroups, 2*c.HeadDim))
	parts := g.Split(kv, 3, 2)
	flat := g.Ints(0, 0, c.keys())
	k := g.Reshape(g.LayerNormPlusOne(parts[0], name+"k_layernorm_xattn", c.HeadDim, c.Eps), flat)
	return g.GroupedAttention(q, k, g.Reshape(parts[1], flat), "", c.NumHeads, c.NumGroups, 0)
}

// normedHeads normalises every head by itself.
func (g *dit) normedHeads(x onnx.Value, name string, heads int64) onnx.Value {
	y := g.LayerNormPlusOne(g.Reshape(x, g.Ints(0, 0, heads, g.c.HeadDim)), name, g.c.HeadDim, g.c.Eps)
	return g.Reshape(y, g.Ints(0, 0, heads*g.c.HeadDim))
}
