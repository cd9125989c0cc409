package ltx2

import (
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// block is LTX2VideoTransformerBlock. Mind that the rows which modulate the streams where they attend to each other are (scale,
// shift), all others (shift, scale, gate).
func (g *dit) block(x, a, attend onnx.Value, name string) (_, _ onnx.Value) {
	xm, am := g.rows(&g.video, name), g.rows(&g.audio, name)
	x = g.Add(x, g.Mul(g.selfAttention(g.modulated(x, &g.video, xm[1], xm[0]), &g.video, attend, name+"attn1."), xm[2]))
	a = g.Add(a, g.Mul(g.selfAttention(g.modulated(a, &g.audio, am[1], am[0]), &g.audio, attend, name+"audio_attn1."), am[2]))
	x = g.Add(x, g.readText(x, &g.video, xm, name, "attn2."))
	a = g.Add(a, g.readText(a, &g.audio, am, name, "audio_attn2."))
	x, a = g.meet(x, a, name)
	x = g.Add(x, g.Mul(g.feedForward(g.modulated(x, &g.video, xm[4], xm[3]), g.video.dim, g.video.ffBias, name+"ff."), xm[5]))
	a = g.Add(a, g.Mul(g.feedForward(g.modulated(a, &g.audio, am[4], am[3]), g.audio.dim, g.audio.ffBias, name+"audio_ff."), am[5]))
	return x, a
}

// rows are the six or nine modulations of a stream in a block.
func (g *dit) rows(s *stream, name string) []onnx.Value {
	n := int64(6)
	if s.modText {
		n = 9
	}
	table := g.ParamAs(name+s.prefix+"scale_shift_table", []int64{n, s.dim}, []int64{1, 1, n * s.dim})
	return g.Split(g.Add(table, s.modulation), 2, int(n))
}

// modulated is the RMS norm without weights, times (1+scale), plus shift.
func (g *dit) modulated(x onnx.Value, s *stream, scale, shift onnx.Value) onnx.Value {
	return g.Add(g.Mul(g.rms(x, s.dim), g.Add(scale, g.Float(1))), shift)
}

// readText attends to the text. From 2.3 on the queries, and by the noise level the text, are modulated.
func (g *dit) readText(x onnx.Value, s *stream, rows []onnx.Value, name, attention string) onnx.Value {
	h, text, textDim := g.rms(x, s.dim), s.text, s.textDim
	if s.modText {
		h = g.Add(g.Mul(h, g.Add(rows[7], g.Float(1))), rows[6])
	}
	if tables, _ := g.c.modulatesText(); tables {
		m := g.ParamAs(name+s.prefix+"prompt_scale_shift_table", []int64{2, s.dim}, []int64{1, 1, 2 * s.dim})
		if s.textMod != "" {
			m = g.Add(m, s.textMod)
		}
		parts := g.Split(m, 2, 2)
		text = g.Add(g.Mul(text, g.Add(parts[1], g.Float(1))), parts[0])
	}
	o := g.attention(attentionOf{name: name + attention, q: h, kv: text, qDim: s.dim, kvDim: textDim, heads: s.heads, dim: s.dim, out: s.dim, gated: s.gated, bias: g.mask})
	if s.modText {
		o = g.Mul(o, rows[8])
	}
	return o
}

// meet lets the streams attend to each other; both read what the other was before.
func (g *dit) meet(x, a onnx.Value, name string) (_, _ onnx.Value) {
	v, s := &g.video, &g.audio
	nx, na := g.rms(x, v.dim), g.rms(a, s.dim)
	xm, xGate := g.crossRows(v, name+"video_a2v_cross_attn_scale_shift_table")
	am, aGate := g.crossRows(s, name+"audio_a2v_cross_attn_scale_shift_table")
	scaled := func(h onnx.Value, m []onnx.Value) onnx.Value {
		return g.Add(g.Mul(h, g.Add(m[0], g.Float(1))), m[1])
	}
	toVideo := g.attention(attentionOf{name: name + "audio_to_video_attn.", q: scaled(nx, xm[:2]), kv: scaled(na, am[:2]), qDim: v.dim, kvDim: s.dim,
		heads: s.heads, dim: s.dim, out: v.dim, gated: v.gated, qRope: v.cross, kRope: s.cross})
	toAudio := g.attention(attentionOf{name: name + "video_to_audio_attn.", q: scaled(na, am[2:]), kv: scaled(nx, xm[2:]), qDim: s.dim, kvDim: v.dim,
		heads: s.heads, dim: s.dim, out: s.dim, gated: s.gated, qRope: s.cross, kRope: v.cross})
	x = g.Add(x, g.Mul(g.Mul(xGate, g.couple), toVideo))
	a = g.Add(a, g.Mul(g.Mul(aGate, g.couple), toAudio))
	return x, a
}

// crossRows are scale and shift of a stream as the video's side of the meeting and as the sound's, and its gate.
func (g *dit) crossRows(s *stream, table string) (rows []onnx.Value, gate onnx.Value) {
	t := g.ParamAs(table, []int64{5, s.dim}, []int64{1, 1, 5 * s.dim})
	rows = g.Split(g.Add(g.Slice(t, 2, 0, 4*s.dim), s.crossMod), 2, 4)
	return rows, g.Add(g.Slice(t, 2, 4*s.dim, 5*s.dim), s.crossGate)
}

func (g *dit) selfAttention(x onnx.Value, s *stream, attend onnx.Value, name string) onnx.Value {
	return g.attention(attentionOf{name: name, q: x, kv: x, qDim: s.dim, kvDim: s.dim, heads: s.heads, dim: s.dim, out: s.dim, gated: s.gated,
		qRope: s.rope, kRope: s.rope, attend: attend})
}
