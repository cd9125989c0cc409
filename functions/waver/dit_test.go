package waver

import (
	"fmt"
	"hash/fnv"
	"math"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

var tiny = TransformerConfig{Dual: 2, Single: 2, NumHeads: 2, HeadDim: 12, InChannels: 36, OutChannels: 16, T5Dim: 16, QwenDim: 24, MaxFrames: 4, MaxHeight: 5, MaxWidth: 6}.WithDefaults()

// made has a value for every tensor.
type made map[string][]int64

func (m made) Info(name string) (weights.Info, error) {
	d, ok := m[name]
	if !ok {
		return weights.Info{}, fmt.Errorf("no tensor %s: %w", name, errdefs.ErrNotFound)
	}
	return weights.Info{Name: name, DType: weights.F32, Shape: d}, nil
}

func (m made) ReadFloat32(name string, at int64, dst []float32) error {
	h := fnv.New32a()
	h.Write([]byte(name))
	for i := range dst {
		dst[i] = float32(math.Sin(float64(h.Sum32()%1000)+float64(at+int64(i))*1.3)) / 3
		if len(m[name]) == 1 {
			dst[i] += 0.7
		}
	}
	return nil
}

func (m made) all(t *testing.T, name string) []float32 {
	t.Helper()
	info, err := m.Info(name)
	if err != nil {
		t.Fatal(err)
	}
	v := make([]float32, info.Elements())
	if err := m.ReadFloat32(name, 0, v); err != nil {
		t.Fatal(err)
	}
	return v
}

// The published numbers make a model of 12 billion parameters.
func TestTwelveBillion(t *testing.T) {
	net, err := Transformer(Published(), nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := int64(0)
	for _, p := range net.Params() {
		n += p.Elements()
	}
	t.Logf("%.2f billion", float64(n)/1e9)
	if n < 11_900_000_000 || n > 12_499_999_999 {
		t.Errorf("%d parameters", n)
	}
}

func wave(n int, phase float64) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(math.Sin(phase + float64(i)*0.37))
	}
	return v
}

// The graph computes what README.md says, written down once more, plainly, in float64.
func TestTheGraphIsTheFormula(t *testing.T) {
	net, err := Transformer(tiny, nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	src := made{}
	for _, p := range net.Params() {
		src[p.Name] = p.Dims
	}
	net, err = Transformer(tiny, nn.Options{Weights: src})
	s := compiletest.Open(t, net, err)
	grid := [3]int64{2, 2, 3}
	const patches, t5Tokens, qwenTokens = 12, 3, 4
	in := engine.Values{ditTokens: engine.Floats(wave(patches*36*4, 1), 1, patches, 36*4), ditTime: engine.Floats(nn.Sinusoid(812.5, 256), 1, 256),
		ditT5: engine.Floats(wave(t5Tokens*16, 2), 1, t5Tokens, 16), ditQwen: engine.Floats(wave(qwenTokens*24, 3), 1, qwenTokens, 24)}
	in[ditCos], in[ditSin] = tiny.rotary(grid, t5Tokens+qwenTokens)
	frames, rows, columns := tiny.positions(grid)
	in[ditFrames], in[ditRows], in[ditColumns] = engine.Ints(frames, patches), engine.Ints(rows, patches), engine.Ints(columns, patches)
	got := compiletest.Run(t, s, in).Float32(ditSample)
	p := &plain{t: t, c: tiny, src: src, cos: in.Float32(ditCos), sin: in.Float32(ditSin)}
	var want []float32
	for _, row := range p.run(in, frames, rows, columns) {
		for _, v := range row {
			want = append(want, float32(v))
		}
	}
	golden.Near(t, "sample", got, want, 1e-4)
}

type matrix [][]float64

// plain is the transformer in loops.
type plain struct {
	t        *testing.T
	c        TransformerConfig
	src      made
	cos, sin []float32
	temb     matrix
}

func rowsOf(t engine.Tensor) (m matrix) {
	width := int(t.Shape[len(t.Shape)-1])
	for at := 0; at < len(t.Float32()); at += width {
		row := make([]float64, width)
		for i := range row {
			row[i] = float64(t.Float32()[at+i])
		}
		m = append(m, row)
	}
	return m
}

func each(x matrix, f func(i int, row []float64) []float64) (out matrix) {
	for i, row := range x {
		out = append(out, f(i, row))
	}
	return out
}

func (p *plain) linear(x matrix, name string) matrix {
	w, b := p.src.all(p.t, name+".weight"), p.src.all(p.t, name+".bias")
	return each(x, func(_ int, row []float64) []float64 {
		out := make([]float64, len(b))
		for o := range out {
			out[o] = float64(b[o])
			for i, v := range row {
				out[o] += v * float64(w[o*len(row)+i])
			}
		}
		return out
	})
}

func silu(x matrix) matrix {
	return each(x, func(_ int, row []float64) []float64 {
		out := make([]float64, len(row))
		for i, v := range row {
			out[i] = v / (1 + math.Exp(-v))
		}
		return out
	})
}

func (p *plain) modulations(name string, n int) (m [][]float64) {
	row, dim := p.linear(p.temb, name)[0], int(p.c.Dim())
	for i := range n {
		m = append(m, row[i*dim:(i+1)*dim])
	}
	return m
}

// modulate is the norm without weights, scaled and shifted.
func (p *plain) modulate(x matrix, shift, scale []float64) matrix {
	return each(x, func(_ int, row []float64) []float64 {
		mean, square := 0.0, 0.0
		for _, v := range row {
			mean += v / float64(len(row))
		}
		for _, v := range row {
			square += (v - mean) * (v - mean) / float64(len(row))
		}
		out := make([]float64, len(row))
		for i, v := range row {
			out[i] = (v-mean)/math.Sqrt(square+p.c.Eps)*(1+scale[i]) + shift[i]
		}
		return out
	})
}

func add(a, b matrix, gate []float64) matrix {
	return each(a, func(i int, row []float64) []float64 {
		out := make([]float64, len(row))
		for j := range row {
			g := 1.0
			if gate != nil {
				g = gate[j]
			}
			out[j] = row[j] + g*b[i][j]
		}
		return out
	})
}

// normed norms every head by itself.
func (p *plain) normed(x matrix, name string) matrix {
	w, d := p.src.all(p.t, name+".weight"), int(p.c.HeadDim)
	return each(x, func(_ int, row []float64) []float64 {
		out := make([]float64, len(row))
		for head := 0; head < len(row); head += d {
			square := 0.0
			for _, v := range row[head : head+d] {
				square += v * v / float64(d)
			}
			for i := range d {
				out[head+i] = row[head+i] / math.Sqrt(square+p.c.Eps) * float64(w[i])
			}
		}
		return out
	})
}

// turned rotates neighbouring pairs of every head.
func (p *plain) turned(x matrix) matrix {
	d := int(p.c.HeadDim)
	return each(x, func(n int, row []float64) []float64 {
		out := make([]float64, len(row))
		for i := 0; i < len(row); i += 2 {
			c, s := float64(p.cos[n*d/2+i%d/2]), float64(p.sin[n*d/2+i%d/2])
			out[i], out[i+1] = row[i]*c-row[i+1]*s, row[i]*s+row[i+1]*c
		}
		return out
	})
}

func (p *plain) attend(q, k, v matrix) matrix {
	q, k = p.turned(q), p.turned(k)
	d := int(p.c.HeadDim)
	return each(q, func(_ int, row []float64) []float64 {
		out := make([]float64, len(row))
		for head := 0; head < len(row); head += d {
			scores, total := make([]float64, len(k)), 0.0
			for j := range k {
				for e := range d {
					scores[j] += row[head+e] * k[j][head+e]
				}
				scores[j] = math.Exp(scores[j] / math.Sqrt(float64(d)))
				total += scores[j]
			}
			for j, s := range scores {
				for e := range d {
					out[head+e] += s / total * v[j][head+e]
				}
			}
		}
		return out
	})
}

func (p *plain) feedForward(x matrix, name string) matrix {
	h := each(p.linear(x, name+"ff.net.0.proj"), func(_ int, row []float64) []float64 {
		out := make([]float64, len(row))
		for i, v := range row {
			out[i] = v / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v)))
		}
		return out
	})
	return p.linear(h, name+"ff.net.2")
}

func (p *plain) run(in engine.Values, frames, rows, columns []int64) matrix {
	host := func(name string) matrix { return rowsOf(in[name].(engine.Tensor)) }
	p.temb = silu(p.linear(silu(p.linear(host(ditTime), "time_embedder.linear_1")), "time_embedder.linear_2"))
	dim := int(p.c.Dim())
	position := make(matrix, len(frames))
	for i := range position {
		position[i] = make([]float64, dim)
		for name, at := range map[string]int64{"pos_embed.frames": frames[i], "pos_embed.height": rows[i], "pos_embed.width": columns[i]} {
			for j, v := range p.src.all(p.t, name)[int(at)*dim:][:dim] {
				position[i][j] += float64(v)
			}
		}
	}
	streams := [2]matrix{append(p.linear(host(ditT5), "t5_embedder"), p.linear(host(ditQwen), "qwen_embedder")...), p.linear(host(ditTokens), "x_embedder")}
	texts := len(streams[0])
	for l := range p.c.Dual {
		names := [2]string{fmt.Sprintf("dual.blocks.%d.text.", l), fmt.Sprintf("dual.blocks.%d.video.", l)}
		streams[1] = add(streams[1], position, nil)
		var m [2][][]float64
		var q, k, v matrix
		for i := range streams {
			m[i] = p.modulations(names[i]+"norm.linear", 6)
			h := p.modulate(streams[i], m[i][0], m[i][1])
			q, k = append(q, p.normed(p.linear(h, names[i]+"to_q"), names[i]+"norm_q")...), append(k, p.normed(p.linear(h, names[i]+"to_k"), names[i]+"norm_k")...)
			v = append(v, p.linear(h, names[i]+"to_v")...)
		}
		o := p.attend(q, k, v)
		for i, part := range [2]matrix{o[:texts], o[texts:]} {
			x := add(streams[i], p.linear(part, names[i]+"to_out.0"), m[i][2])
			streams[i] = add(x, p.feedForward(p.modulate(x, m[i][3], m[i][4]), names[i]), m[i][5])
		}
	}
	for l := range p.c.Single {
		name := fmt.Sprintf("single.blocks.%d.", l)
		x := append(append(matrix{}, streams[0]...), add(streams[1], position, nil)...)
		m := p.modulations(name+"norm.linear", 6)
		h := p.modulate(x, m[0], m[1])
		o := p.attend(p.normed(p.linear(h, name+"to_q"), name+"norm_q"), p.normed(p.linear(h, name+"to_k"), name+"norm_k"), p.linear(h, name+"to_v"))
		x = add(x, p.linear(o, name+"to_out.0"), m[2])
		x = add(x, p.feedForward(p.modulate(x, m[3], m[4]), name), m[5])
		streams = [2]matrix{x[:texts], x[texts:]}
	}
	m := p.modulations("norm_out.linear", 2)
	return p.linear(p.modulate(streams[1], m[0], m[1]), "proj_out")
}
