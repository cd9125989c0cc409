package ltx2

import (
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// net is what the transformer's graph and the connectors' have in common.
type net struct {
	*nn.Net
	eps  float64
	rope string // how pairs are laid out
}

func (g *net) rms(x onnx.Value, dim int64) onnx.Value { return g.RMS(x, dim, g.eps) }

// feedForward widens by four.
func (g *net) feedForward(x onnx.Value, dim int64, bias bool, name string) onnx.Value {
	h := g.Gelu(g.Linear(x, name+"net.0.proj", dim, 4*dim, bias), true)
	return g.Linear(h, name+"net.2", 4*dim, dim, bias)
}

// attentionOf says what attends to what, in which geometry.
type attentionOf struct {
	name         string
	q, kv        onnx.Value
	qDim, kvDim  int64 // widths of what comes in
	heads, dim   int64 // of the attention
	out          int64
	gated        bool
	bias         onnx.Value // added to the scores; "" is none
	qRope, kRope rotary
	attend       onnx.Value // 1 attends, 0 takes the values; "" always attends
}

// attention is LTX2Attention: norms over all heads together, rotation, and a gate for each head where a checkpoint has one.
func (g *net) attention(at attentionOf) onnx.Value {
	q := g.turned(g.RMSNorm(g.Linear(at.q, at.name+"to_q", at.qDim, at.dim, true), at.name+"norm_q", at.dim, g.eps), at.qRope, at)
	k := g.turned(g.RMSNorm(g.Linear(at.kv, at.name+"to_k", at.kvDim, at.dim, true), at.name+"norm_k", at.dim, g.eps), at.kRope, at)
	v := g.Linear(at.kv, at.name+"to_v", at.kvDim, at.dim, true)
	o := g.Attention(q, k, v, g.forQueries(at.bias, q), at.heads, 0)
	if at.attend != "" {
		o = g.Add(v, g.Mul(at.attend, g.Sub(o, v)))
	}
	if at.gated {
		o = g.gatedHeads(o, at)
	}
	return g.Linear(o, at.name+"to_out.0", at.dim, at.out, true)
}

// forQueries repeats a bias of [batch, 1, 1, keys] for every query: the operator does not broadcast that dimension.
func (g *net) forQueries(bias, q onnx.Value) onnx.Value {
	if bias == "" {
		return ""
	}
	return g.Op("Expand", []onnx.Value{bias, g.Concat(0, g.Ints(1, 1), g.DimOf(q, 1), g.Ints(1))})
}

// gatedHeads multiplies every head by 2·sigmoid of a number of its own for each token.
func (g *net) gatedHeads(o onnx.Value, at attentionOf) onnx.Value {
	gates := g.Sigmoid(g.Linear(at.q, at.name+"to_gate_logits", at.qDim, at.heads, true))
	gates = g.Unsqueeze(g.Mul(gates, g.Float(2)), 3)
	heads := g.Reshape(o, g.Ints(0, 0, at.heads, at.dim/at.heads))
	return g.Reshape(g.Mul(heads, gates), g.Ints(0, 0, at.dim))
}

// turned rotates x [batch, tokens, dim]: pairs are a head's first half and its second, or neighbours over the whole width.
func (g *net) turned(x onnx.Value, r rotary, at attentionOf) onnx.Value {
	if r.cos == "" {
		return x
	}
	axis, shape := int64(3), g.Ints(0, 0, at.heads, 2, at.dim/at.heads/2)
	if g.rope == ropeInterleaved {
		shape = g.Ints(0, 0, at.dim/2, 2)
	}
	p := g.Split(g.Reshape(x, shape), axis, 2)
	first := g.Sub(g.Mul(p[0], r.cos), g.Mul(p[1], r.sin))
	second := g.Add(g.Mul(p[1], r.cos), g.Mul(p[0], r.sin))
	return g.Reshape(g.Concat(axis, first, second), g.Ints(0, 0, at.dim))
}
