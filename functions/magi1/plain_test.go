package magi1

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/noise"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// drawn are weights of noise, the same for the same name.
type drawn map[string]nn.Param

func drawWeights(t *testing.T, nets ...*nn.Net) drawn {
	t.Helper()
	d := drawn{}
	for _, n := range nets {
		for _, p := range n.Params() {
			d[p.Name] = p
		}
	}
	return d
}

func (d drawn) Info(name string) (weights.Info, error) {
	p, ok := d[name]
	if !ok {
		return weights.Info{}, fmt.Errorf("no weight %s", name)
	}
	return weights.Info{Name: name, DType: weights.F32, Shape: p.Dims}, nil
}

func (d drawn) values(name string) []float32 {
	p := d[name]
	seed := uint64(7)
	for _, c := range name {
		seed = seed*131 + uint64(c)
	}
	v := noise.Normal(seed, int(p.Elements()))
	scale := float32(1 / math.Sqrt(float64(p.Elements()/p.Dims[0])))
	for i := range v {
		switch {
		case strings.HasSuffix(name, "norm.weight") || strings.HasSuffix(name, "norm_xattn.weight"):
			v[i] = 0.3 * v[i]
			if strings.Contains(name, "layer_norm") { // the plain norms keep their weight as it is
				v[i]++
			}
		case name == "rope.bands":
			v[i] = float32(math.Abs(float64(v[i])))
		default:
			v[i] *= scale
		}
	}
	return v
}

// plain is values for the plain pass.
func (d drawn) plain(name string) []float32 {
	if _, ok := d[name]; !ok {
		return nil
	}
	return d.values(name)
}

func (d drawn) ReadFloat32(name string, at int64, dst []float32) error {
	copy(dst, d.values(name)[at:])
	return nil
}

// plain is the published forward pass in float64, over all chunks at once and without a cache: written from the formulas, with
// none of the graph's code.
type plain struct {
	c    ModelConfig
	w    plainWeights
	into func(layer string, x rows) rows // what a linear layer multiplies instead of x; nil: x
}

// plainWeights are weights by the names that they are published with.
type plainWeights struct {
	float32s func(name string) []float32 // nil: there is none
	seen     map[string][]float64
}

func newPlainWeights(float32s func(string) []float32) plainWeights {
	return plainWeights{float32s, map[string][]float64{}}
}

func (w plainWeights) get(name string) []float64 {
	v, ok := w.seen[name]
	if !ok {
		if f := w.float32s(name); f != nil {
			v = wide(f)
		}
		w.seen[name] = v
	}
	return v
}

func (p plain) param(name string) []float64 { return p.w.get(name) }

func wide(v []float32) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		out[i] = float64(v[i])
	}
	return out
}

type rows [][]float64

// times is x·Wᵀ, plus a bias where there is one.
func (p plain) times(x rows, name string) rows {
	if p.into != nil {
		x = p.into(name, x)
	}
	w, bias, out := p.param(name+".weight"), p.param(name+".bias"), make(rows, len(x))
	in := len(x[0])
	for r := range x {
		out[r] = make([]float64, len(w)/in)
		for o := range out[r] {
			for i := range in {
				out[r][o] += w[o*in+i] * x[r][i]
			}
			if bias != nil {
				out[r][o] += bias[o]
			}
		}
	}
	return out
}

func (p plain) norm(x rows, name string, plus float64) rows {
	w, b, out := p.param(name+".weight"), p.param(name+".bias"), make(rows, len(x))
	for r, v := range x {
		mean, variance := 0.0, 0.0
		for _, e := range v {
			mean += e / float64(len(v))
		}
		for _, e := range v {
			variance += (e - mean) * (e - mean) / float64(len(v))
		}
		out[r] = make([]float64, len(v))
		for i, e := range v {
			out[r][i] = (e-mean)/math.Sqrt(variance+p.c.Eps)*(w[i]+plus) + b[i]
		}
	}
	return out
}

// heads cuts rows into heads.
func heads(x rows, n int) []rows {
	out := make([]rows, n)
	for h := range out {
		for _, v := range x {
			size := len(v) / n
			out[h] = append(out[h], v[h*size:(h+1)*size])
		}
	}
	return out
}

func silu(v float64) float64 { return v / (1 + math.Exp(-v)) }

func each(x rows, f func(float64) float64) rows {
	out := make(rows, len(x))
	for r, v := range x {
		for _, e := range v {
			out[r] = append(out[r], f(e))
		}
	}
	return out
}

// attend is one head's attention of queries to keys [from, to).
func attend(q []float64, k, v rows, from, to int) []float64 {
	score, most, sum := make([]float64, to), math.Inf(-1), 0.0
	for j := from; j < to; j++ {
		for i := range q {
			score[j] += q[i] * k[j][i] / math.Sqrt(float64(len(q)))
		}
		most = max(most, score[j])
	}
	out := make([]float64, len(v[0]))
	for j := from; j < to; j++ {
		e := math.Exp(score[j] - most)
		sum += e
		for i := range out {
			out[i] += e * v[j][i]
		}
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// plainChunk is a chunk as the plain pass takes it.
type plainChunk struct {
	latent  []float32
	time    float64
	pace    float64 // what the length of the step is, to a distilled model
	row     []float64
	from    int
	caption rows
}

// forward is every chunk's velocity; chunks have the same size.
func (p plain) forward(chunks []plainChunk, distilled bool, frames, height, width int) [][]float64 {
	c := p.c
	ph, pw := height/int(c.PatchSize), width/int(c.PatchSize)
	perChunk := frames * ph * pw
	x := p.patches(chunks, frames, height, width)
	var gates []rows
	for _, k := range chunks {
		cond := p.timed(k.time)
		if distilled {
			cond = plus(cond, p.timed(k.pace))
		}
		cond = plus(cond, p.times(rows{k.row}, "y_embedder.y_proj_adaln.0"))
		gates = append(gates, each(cond, silu))
	}
	for l := range c.NumLayers {
		x = p.layer(x, fmt.Sprintf("videodit_blocks.layers.%d.", l), chunks, gates, perChunk, frames, ph, pw)
	}
	y := p.times(p.norm(x, "videodit_blocks.final_layernorm", 1), "final_linear.linear")
	return p.unpatched(y, len(chunks), frames, height, width)
}

func plus(a, b rows) rows {
	out := make(rows, len(a))
	for r := range a {
		for i := range a[r] {
			out[r] = append(out[r], a[r][i]+b[r][i])
		}
	}
	return out
}

// timed is the one part in float32, as it is published: (t·f)·1000 is large enough that its rounding is seen.
func (p plain) timed(t float64) rows {
	s := make([]float64, freqDim)
	for i := range freqDim / 2 {
		f := float32(math.Exp(-math.Log(10000) * float64(i) / (freqDim / 2)))
		angle := float64(float32(float32(t)*f) * 1000)
		s[i], s[freqDim/2+i] = math.Cos(angle), math.Sin(angle)
	}
	return p.times(each(p.times(rows{s}, "t_embedder.mlp.0"), silu), "t_embedder.mlp.2")
}

func (p plain) patches(chunks []plainChunk, frames, height, width int) (out rows) {
	c, n := p.c, int(p.c.PatchSize)
	w := p.param("x_embedder.weight")
	for _, k := range chunks {
		for f := range frames {
			for y := 0; y < height; y += n {
				for x := 0; x < width; x += n {
					v := make([]float64, c.HiddenSize)
					for o := range v {
						for ch := range int(c.InChannels) {
							from := ch % int(c.latentChannels())
							for i := range n {
								for j := range n {
									v[o] += w[((o*int(c.InChannels)+ch)*n+i)*n+j] * c.Rescale * float64(k.latent[((from*frames+f)*height+y+i)*width+x+j])
								}
							}
						}
					}
					out = append(out, v)
				}
			}
		}
	}
	return out
}

func (p plain) unpatched(y rows, chunks, frames, height, width int) [][]float64 {
	c, n := p.c, int(p.c.PatchSize)
	out := make([][]float64, chunks)
	at := 0
	for k := range out {
		out[k] = make([]float64, int(c.latentChannels())*frames*height*width)
		for f := range frames {
			for top := 0; top < height; top += n {
				for left := 0; left < width; left += n {
					for i := range n * n {
						for ch := range int(c.latentChannels()) {
							out[k][((ch*frames+f)*height+top+i/n)*width+left+i%n] = y[at][i*int(c.OutChannels)+ch] / c.Rescale
						}
					}
					at++
				}
			}
		}
	}
	return out
}

// angles of a token: time, row and column, each by every band.
func (p plain) angles(token, ph, pw int) (out []float64) {
	scale := math.Sqrt(float64(ph*pw) / 256)
	place := func(i, n int) float64 {
		return (float64(i) - float64(n-1)/2) / float64(n-1) * (float64(n)/scale - 1)
	}
	for _, at := range []float64{float64(token / (ph * pw)), place(token/pw%ph, ph), place(token%pw, pw)} {
		for _, b := range p.param("rope.bands") {
			out = append(out, at*b)
		}
	}
	return out
}

func turn(v, angles []float64) []float64 {
	out, n := append([]float64(nil), v...), len(angles)
	for i, a := range angles {
		out[i] = v[i]*math.Cos(a) - v[i+n]*math.Sin(a)
		out[i+n] = v[i+n]*math.Cos(a) + v[i]*math.Sin(a)
	}
	return out
}

func (p plain) layer(x rows, name string, chunks []plainChunk, gates []rows, size, frames, ph, pw int) rows {
	c, a := p.c, name+"self_attention."
	h := p.norm(x, a+"linear_qkv.layer_norm", 0)
	q, qx := heads(p.times(h, a+"linear_qkv.q"), int(c.NumHeads)), heads(p.times(h, a+"linear_qkv.qx"), int(c.NumHeads))
	k, v := heads(p.times(h, a+"linear_qkv.k"), int(c.NumGroups)), heads(p.times(h, a+"linear_qkv.v"), int(c.NumGroups))
	for i := range k {
		k[i] = p.norm(k[i], a+"k_layernorm", 1)
		for t := range k[i] {
			k[i][t] = turn(k[i][t], p.angles(t, ph, pw))
		}
	}
	both := make(rows, len(x)) // self of every head, then cross of every head
	per := int(c.NumHeads / c.NumGroups)
	for head := range q {
		qs := p.norm(q[head], a+"q_layernorm", 1)
		for t := range qs {
			j := t / size
			both[t] = append(both[t], attend(turn(qs[t], p.angles(t, ph, pw)), k[head/per], v[head/per], chunks[j].from*size, (j+1)*size)...)
		}
	}
	for head := range qx {
		qs := p.norm(qx[head], a+"q_layernorm_xattn", 1)
		for j, chunk := range chunks {
			kv := heads(p.times(each(p.times(chunk.caption, "y_embedder.y_proj_xattn.0"), silu), a+"linear_kv_xattn"), int(c.NumGroups))[head/per]
			parts := heads(kv, 2)
			kx := p.norm(parts[0], a+"k_layernorm_xattn", 1)
			for t := j * size; t < (j+1)*size; t++ {
				both[t] = append(both[t], attend(qs[t], kx, parts[1], 0, len(kx))...)
			}
		}
	}
	for t, b := range both { // eighths of the two alternate
		n := len(b) / 16
		var mixed []float64
		for i := range 8 {
			mixed = append(append(mixed, b[i*n:(i+1)*n]...), b[(8+i)*n:(9+i)*n]...)
		}
		both[t] = mixed
	}
	x = p.gated(x, p.times(both, a+"linear_proj"), gates, name, "self_attn_post_norm", 0, size)
	m := p.times(p.norm(x, name+"mlp.layer_norm", 0), name+"mlp.linear_fc1")
	if c.Gated {
		for t, v := range m {
			half := len(v) / 2
			for i := range half {
				v[i] = silu(v[i]) * v[half+i]
			}
			m[t] = v[:half]
		}
	} else {
		m = each(m, func(v float64) float64 { return v / 2 * (1 + math.Erf(v/math.Sqrt2)) })
	}
	return p.gated(x, p.times(m, name+"mlp.linear_fc2"), gates, name, "mlp_post_norm", 1, size)
}

func (p plain) gated(x, y rows, gates []rows, name, norm string, which, size int) rows {
	for t := range y {
		g := p.times(gates[t/size], name+"ada_modulate_layer.proj.0")[0]
		for i := range y[t] {
			y[t][i] *= math.Tanh(g[which*len(y[t])+i])
		}
	}
	return plus(x, p.norm(y, name+norm, 1))
}

// Chunks one after the other, each with the keys and values of those before it on the device, give what the plain pass gives
// for all of them at once: for the 4.5B's shape and the 24B's, distilled and not, with windows of every kind.
func TestCachedChunksEqualTheWholeForwardPass(t *testing.T) {
	base := ModelConfig{NumLayers: 2, HiddenSize: 48, FFNSize: 64, NumHeads: 4, NumGroups: 2, HeadDim: 16, InChannels: 4, OutChannels: 4, CaptionSize: 6, CaptionTokens: 9}
	large := base
	large.NumHeads, large.HiddenSize, large.Gated, large.HalfChannel, large.InChannels, large.OutChannels, large.Rescale = 6, 40, true, true, 8, 8, 0.1
	for name, c := range map[string]struct {
		ModelConfig
		distilled bool
	}{"4.5B": {base, false}, "24B": {large, false}, "24B distilled": {large, true}} {
		t.Run(name, func(t *testing.T) { comparePlain(t, c.ModelConfig.WithDefaults(), c.distilled) })
	}
}

func comparePlain(t *testing.T, c ModelConfig, distilled bool) {
	const frames, height, width, slots = 2, 4, 6, 3
	bare, err := Transformer(c, distilled, slots, nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tabs, err := Tables(c, nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := drawWeights(t, bare, tabs)
	net, err := Transformer(c, distilled, slots, nn.Options{Weights: w})
	n := &network{c: c, session: compiletest.Open(t, net, err), slots: slots, distilled: distilled, height: height, width: width, chunkWidth: frames,
		tables: tables{null: w.values("y_embedder.null_caption_embedding"), bands: w.values("rope.bands")}}
	size := int(c.latentChannels()) * frames * height * width
	var chunks []plainChunk
	var calls []call
	for j, from := range []int{0, 0, 1, 0, 3} {
		at := float32(j) / 7
		latent, text := noise.Normal(uint64(100+j), size), noise.Normal(uint64(200+j), (3+j)*int(c.CaptionSize))
		k := plainChunk{latent: latent, time: float64(at), from: from}
		for i := range 3 + j {
			k.caption = append(k.caption, wide(text[i*int(c.CaptionSize):(i+1)*int(c.CaptionSize)]))
		}
		chunks = append(chunks, k)
		calls = append(calls, call{entry: entry{chunk: j, from: from, time: at}, latent: latent, kind: kindText, pace: 4, caption: engine.Floats(text, 1, int64(3+j), c.CaptionSize)})
	}
	at := len(n.tables.null) - kindText*int(c.CaptionSize)
	for j := range chunks {
		chunks[j].row, chunks[j].pace = wide(n.tables.null[at:at+int(c.CaptionSize)]), 4
	}
	want := plain{c: c, w: newPlainWeights(w.plain)}.forward(chunks, distilled, frames, height, width)
	seen := window{}
	for j, k := range calls {
		v, m, err := n.forward(context.Background(), k, seen)
		if err != nil {
			t.Fatal(err)
		}
		seen[j] = m
		narrow := make([]float32, len(want[j]))
		for i, x := range want[j] {
			narrow[i] = float32(x)
		}
		golden.Near(t, fmt.Sprintf("chunk %d", j), v, narrow, 1e-4)
	}
	seen.closeFrom(0)
}
