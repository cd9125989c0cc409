package qwen

import (
	"fmt"
	"hash/fnv"
	"math"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

var tiny = Config{VocabSize: 37, Hidden: 24, Intermediate: 40, Layers: 2, Heads: 4, KVHeads: 2, Eps: 1e-6, RopeTheta: 1e6}

// made has a value for every tensor.
type made struct{ dims map[string][]int64 }

func (m made) Info(name string) (weights.Info, error) {
	d, ok := m.dims[name]
	if !ok {
		return weights.Info{}, fmt.Errorf("no tensor %s: %w", name, errdefs.ErrNotFound)
	}
	return weights.Info{Name: name, DType: weights.F32, Shape: d}, nil
}

func (m made) ReadFloat32(name string, at int64, dst []float32) error {
	h := fnv.New32a()
	h.Write([]byte(name))
	for i := range dst {
		dst[i] = float32(math.Sin(float64(h.Sum32()%1000)+float64(at+int64(i))*1.7)) / 3
		if len(m.dims[name]) == 1 {
			dst[i]++
		}
	}
	return nil
}

func sourceOf(t *testing.T, c Config) made {
	t.Helper()
	net, err := Encoder("text_encoder_2", c, nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := made{map[string][]int64{}}
	for _, p := range net.Params() {
		m.dims[p.Name] = p.Dims
	}
	return m
}

// The graph computes what the formulas of Qwen2Model say, written down once more, plainly, in float64.
func TestTheGraphIsTheFormula(t *testing.T) {
	src, ids := sourceOf(t, tiny), []int64{5, 0, 36, 7, 7, 21}
	net, err := Encoder("text_encoder_2", tiny, nn.Options{Weights: src})
	s := compiletest.Open(t, net, err)
	got := compiletest.Run(t, s, tiny.Inputs(ids)).Float32(Hidden)
	var want []float32
	for _, row := range plainly(t, tiny, src, ids) {
		for _, v := range row {
			want = append(want, float32(v))
		}
	}
	golden.Near(t, "hidden", got, want, 1e-5)
}

type matrix [][]float64

func tensor(t *testing.T, src made, name string) []float32 {
	t.Helper()
	info, err := src.Info(name)
	if err != nil {
		t.Fatal(err)
	}
	v := make([]float32, info.Elements())
	if err := src.ReadFloat32(name, 0, v); err != nil {
		t.Fatal(err)
	}
	return v
}

func plainly(t *testing.T, c Config, src made, ids []int64) matrix {
	norm := func(x matrix, name string) matrix {
		w := tensor(t, src, name+".weight")
		return each(x, func(row []float64) []float64 {
			sum := 0.0
			for _, v := range row {
				sum += v * v
			}
			out := make([]float64, len(row))
			for i, v := range row {
				out[i] = v / math.Sqrt(sum/float64(len(row))+c.Eps) * float64(w[i])
			}
			return out
		})
	}
	linear := func(x matrix, name string, bias bool) matrix {
		w := tensor(t, src, name+".weight")
		return each(x, func(row []float64) []float64 {
			out := make([]float64, len(w)/len(row))
			for o := range out {
				if bias {
					out[o] = float64(tensor(t, src, name+".bias")[o])
				}
				for i, v := range row {
					out[o] += v * float64(w[o*len(row)+i])
				}
			}
			return out
		})
	}
	table, x := tensor(t, src, "embed_tokens.weight"), matrix{}
	for _, id := range ids {
		row := make([]float64, c.Hidden)
		for i := range row {
			row[i] = float64(table[id*c.Hidden+int64(i)])
		}
		x = append(x, row)
	}
	for l := range c.Layers {
		p := fmt.Sprintf("layers.%d.", l)
		h := norm(x, p+"input_layernorm")
		o := attend(c, turn(c, linear(h, p+"self_attn.q_proj", true)), turn(c, linear(h, p+"self_attn.k_proj", true)), linear(h, p+"self_attn.v_proj", true))
		x = sum(x, linear(o, p+"self_attn.o_proj", false))
		h = norm(x, p+"post_attention_layernorm")
		gate, up := linear(h, p+"mlp.gate_proj", false), linear(h, p+"mlp.up_proj", false)
		for i, row := range gate {
			for j, v := range row {
				gate[i][j] = v / (1 + math.Exp(-v)) * up[i][j]
			}
		}
		x = sum(x, linear(gate, p+"mlp.down_proj", false))
	}
	return norm(x, "norm")
}

func each(x matrix, f func([]float64) []float64) (out matrix) {
	for _, row := range x {
		out = append(out, f(row))
	}
	return out
}

func sum(a, b matrix) (out matrix) {
	for i := range a {
		row := make([]float64, len(a[i]))
		for j := range row {
			row[j] = a[i][j] + b[i][j]
		}
		out = append(out, row)
	}
	return out
}

// turn rotates the first half of every head against its second.
func turn(c Config, x matrix) (out matrix) {
	d := int(c.headDim())
	for pos, row := range x {
		turned := make([]float64, len(row))
		for head := 0; head < len(row); head += d {
			for i := range d / 2 {
				angle := float64(pos) / math.Pow(c.RopeTheta, float64(2*i)/float64(d))
				a, b := row[head+i], row[head+d/2+i]
				turned[head+i], turned[head+d/2+i] = a*math.Cos(angle)-b*math.Sin(angle), b*math.Cos(angle)+a*math.Sin(angle)
			}
		}
		out = append(out, turned)
	}
	return out
}

// attend lets every token see itself and those before; neighbouring heads of queries share one of keys.
func attend(c Config, q, k, v matrix) (out matrix) {
	d, group := int(c.headDim()), int(c.Heads/c.KVHeads)
	for i := range q {
		row := make([]float64, len(q[i]))
		for head := range int(c.Heads) {
			scores, total := make([]float64, i+1), 0.0
			for j := range scores {
				for e := range d {
					scores[j] += q[i][head*d+e] * k[j][head/group*d+e]
				}
				scores[j] = math.Exp(scores[j] / math.Sqrt(float64(d)))
				total += scores[j]
			}
			for j, s := range scores {
				for e := range d {
					row[head*d+e] += s / total * v[j][head/group*d+e]
				}
			}
		}
		out = append(out, row)
	}
	return out
}

// Qwen2.5-32B without its head for words: 64 layers, 5120 wide, 40 heads on 8.
func TestThePublishedSize(t *testing.T) {
	net, err := Encoder("text_encoder_2", Config{VocabSize: 152064, Hidden: 5120, Intermediate: 27648, Layers: 64, Heads: 40, KVHeads: 8, RopeTheta: 1e6}, nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := int64(0)
	for _, p := range net.Params() {
		n += p.Elements()
	}
	if want := int64(31_985_308_672); n != want { // 32.76 B of the release, less 778.6 M of lm_head
		t.Errorf("%d parameters, want %d", n, want)
	}
}

func TestWhatIsNotSupportedIsSaid(t *testing.T) {
	for _, change := range []func(*Config){func(c *Config) { c.RopeScaling = map[string]any{} }, func(c *Config) { c.Sliding = true }, func(c *Config) { c.Activation = "gelu" }} {
		c := tiny
		if change(&c); !errdefs.IsNotImplemented(c.Validate()) {
			t.Errorf("%+v: %v", c, c.Validate())
		}
	}
	c := tiny
	if c.Heads = 5; !errdefs.IsInvalidArgument(c.Validate()) {
		t.Error("24 wide heads of 5")
	}
}
