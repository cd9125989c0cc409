package magi1

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// coded is a checkpoint of noise in the published FP8 layout: linear layers between the first block and the last are codes.
type coded struct {
	ModelConfig
	tensors map[string]weights.Tensor
	scales  map[string]coding // by layer
}

// coding is how a layer's input is rounded: divided channel by channel; the product is multiplied by one number.
type coding struct {
	divisors []float32
	product  float32
}

func (c *coded) put(t weights.Tensor) { c.tensors[t.Name] = t }

// Names lists the tensors.
func (c *coded) Names() (names []string) {
	for name := range c.tensors {
		names = append(names, name)
	}
	return names
}

// Info describes a tensor.
func (c *coded) Info(name string) (weights.Info, error) {
	t, ok := c.tensors[name]
	if !ok {
		return weights.Info{}, fmt.Errorf("no weight %s", name)
	}
	return weights.Info{Name: name, DType: t.DType, Shape: t.Shape}, nil
}

// Raw is a tensor as it lies.
func (c *coded) Raw(name string) ([]byte, error) { return c.tensors[name].Data, nil }

// ReadFloat32 reads a part of a tensor.
func (c *coded) ReadFloat32(name string, at int64, dst []float32) error {
	copy(dst, c.floats(name)[at:])
	return nil
}

func (c *coded) floats(name string) []float32 {
	t, ok := c.tensors[name]
	if !ok {
		return nil
	}
	return weights.Decode(t.DType, t.Data)
}

// drawnScene is two chunks of noise that a model is asked about.
type drawnScene struct {
	chunks                []plainChunk
	calls                 []call
	frames, height, width int
}

func drawScene(r *rand.Rand, w *coded) drawnScene {
	s := drawnScene{frames: 2, height: 4, width: 6}
	null := w.floats("y_embedder.null_caption_embedding")
	row := wide(null[len(null)-kindText*int(w.CaptionSize):][:w.CaptionSize])
	for j := range 2 {
		k := plainChunk{latent: normals(r, int(w.latentChannels())*s.frames*s.height*s.width, 1), time: float64(float32(r.Float64())), pace: 4, row: row}
		text := normals(r, 5*int(w.CaptionSize), 1)
		k.caption = inRows(text, int(w.CaptionSize))
		s.chunks = append(s.chunks, k)
		s.calls = append(s.calls, call{entry: entry{chunk: j, time: float32(k.time)}, latent: k.latent, kind: kindText, pace: 4, caption: engine.Floats(text, 1, 5, w.CaptionSize)})
	}
	return s
}

func normals(r *rand.Rand, n int, scale float64) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(r.NormFloat64() * scale)
	}
	return out
}

// drawCoded draws a checkpoint and what it is asked. room is how much larger the values were, at most, that its scales were measured on:
// those of a network, which has some large ones, leave much of it unused.
func drawCoded(t *testing.T, c ModelConfig, seed uint64, room float64) (*coded, drawnScene) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 99))
	bare, err := Transformer(c, true, 1, nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tabs, err := Tables(c, nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &coded{ModelConfig: c, tensors: map[string]weights.Tensor{}, scales: map[string]coding{}}
	shapes := drawWeights(t, bare, tabs)
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range shapes {
			if !yield(name) {
				return
			}
		}
	})
	for _, name := range names {
		p := shapes[name]
		v := normals(r, int(p.Elements()), 1/math.Sqrt(float64(p.Elements()/p.Dims[0])))
		norm := strings.HasSuffix(name, "norm.weight") || strings.HasSuffix(name, "norm_xattn.weight")
		for i := range v {
			switch {
			case norm && strings.Contains(name, "layer_norm"): // keeps its weight as it is
				v[i] = 1 + 0.3*v[i]
			case norm:
				v[i] *= 0.3
			case name == "rope.bands":
				v[i] = float32(math.Abs(float64(v[i])))
			}
		}
		w.put(weights.Float32Tensor(name, p.Dims, v))
	}
	scene, most := drawScene(r, w), map[string][]float64{}
	plain{c: c, w: newPlainWeights(w.floats), into: func(layer string, x rows) rows {
		most[layer] = make([]float64, len(x[0]))
		for _, row := range x {
			for i, v := range row {
				most[layer][i] = max(most[layer][i], math.Abs(v))
			}
		}
		return x
	}}.forward(scene.chunks, true, scene.frames, scene.height, scene.width)
	for _, name := range names {
		layer, ok := strings.CutSuffix(name, ".weight")
		if block := 0; ok && strings.Contains(layer, ".linear_") && !strings.HasSuffix(layer, "norm") && !strings.HasSuffix(layer, "_xattn") {
			if _, err := fmt.Sscanf(layer, "videodit_blocks.layers.%d.", &block); err == nil && block > 0 && int64(block) < c.NumLayers-1 {
				w.code(t, r, layer, most[layer], room)
			}
		}
	}
	return w, scene
}

// code makes codes of a layer, as its values were measured.
func (c *coded) code(t *testing.T, r *rand.Rand, layer string, most []float64, room float64) {
	t.Helper()
	name := layer + ".weight"
	shape := c.tensors[name].Shape
	largest := slices.Max(most) * room
	input := float32(largest / 448 * (1 + 0.3*r.Float64()))
	smooth := strings.HasSuffix(layer, "linear_proj") || strings.HasSuffix(layer, "linear_fc2")
	divisors := make([]float32, len(most))
	for i := range divisors {
		if divisors[i] = input; smooth {
			divisors[i] = float32(math.Sqrt(max(most[i]*room, largest/8)*largest) / 448 * (1 + 0.2*r.Float64()))
		}
	}
	v := c.floats(name)
	for i := range v {
		v[i] *= divisors[i%len(divisors)] / input
	}
	q, err := quant.Encode(name, quant.FP8, quant.Options{}, v, int(shape[0]), int(shape[1]))
	if err != nil {
		t.Fatal(err)
	}
	c.put(weights.Tensor{Name: name, DType: weights.F8E4M3, Shape: []int64{1, shape[0], shape[1]}, Data: q.Codes})
	c.put(weights.Float32Tensor(layer+".weight_scale", []int64{1}, q.Scales))
	if smooth {
		c.put(weights.Float32Tensor(layer+".smooth_scale", []int64{1, shape[1]}, divisors))
		c.put(weights.Float32Tensor(layer+".input_scale", []int64{1}, []float32{input}))
	} else {
		c.put(weights.Float32Tensor(layer+".input_scale", []int64{shape[1]}, divisors))
	}
	c.scales[layer] = coding{divisors, q.Scales[0] * input}
}

// rounded is a layer's input as the published code has it: divided, cut off, in BF16, in E4M3; and multiplied by what the product is.
func (c *coded) rounded(layer string, x rows) rows {
	s, ok := c.scales[layer]
	if !ok {
		return x
	}
	out := make(rows, len(x))
	for r := range x {
		for i, v := range x[r] {
			divided := math.Max(-448, math.Min(448, float64(float32(v)/s.divisors[i])))
			out[r] = append(out[r], bits(bits(divided, 8, -133), 4, -9)*float64(s.product))
		}
	}
	return out
}

// bits is v rounded to a number of so many significant bits, ties to even, whose last is worth 2^least at least.
func bits(v float64, significant, least int) float64 {
	_, e := math.Frexp(v)
	step := math.Ldexp(1, max(e-significant, least))
	return math.RoundToEven(v/step) * step
}

// off is how far the graph is from the plain pass, of the largest value.
func (c *coded) off(t *testing.T, scene drawnScene) float64 {
	t.Helper()
	want := plain{c: c.ModelConfig, w: newPlainWeights(c.floats), into: c.rounded}.forward(scene.chunks, true, scene.frames, scene.height, scene.width)
	net, err := Transformer(c.ModelConfig, true, 1, nn.Options{Weights: c})
	n := &network{c: c.ModelConfig, session: compiletest.Open(t, net, err), slots: 1, distilled: true, height: int64(scene.height), width: int64(scene.width), chunkWidth: int64(scene.frames),
		tables: tables{null: c.floats("y_embedder.null_caption_embedding"), bands: c.floats("rope.bands")}}
	seen, worst, largest := window{}, 0.0, 0.0
	for j, k := range scene.calls {
		v, m, err := n.forward(context.Background(), k, seen)
		if err != nil {
			t.Fatal(err)
		}
		seen[j] = m
		for i, x := range want[j] {
			worst, largest = max(worst, math.Abs(x-float64(v[i]))), max(largest, math.Abs(x))
		}
	}
	seen.closeFrom(0)
	return worst / largest
}

// Checkpoints of noise in the FP8 layout give what the published arithmetic gives. A single code that is another one is seen in so small a
// network, up to 1e-2 of the largest value, so that the median of five is held: in float32, where most have none that counts; and in the
// types of a GPU's graph, where all have some.
func TestTheFP8LayoutIsThePublishedArithmetic(t *testing.T) {
	base := ModelConfig{NumLayers: 3, HiddenSize: 64, FFNSize: 96, NumHeads: 4, NumGroups: 2, HeadDim: 16, InChannels: 4, OutChannels: 4, CaptionSize: 4, CaptionTokens: 12}
	gated := base
	gated.Gated = true
	for _, c := range []struct {
		name string
		ModelConfig
		room float64
	}{{"GELU", base, 1}, {"gated, values far below the largest measured", gated, 64}} {
		for form, limit := range map[string]float64{"": 1e-3, "half": 2e-2} {
			t.Run(c.name+" "+form, func(t *testing.T) {
				t.Setenv(compiletest.FormEnv, form)
				var all []float64
				for seed := range uint64(5) {
					w, scene := drawCoded(t, c.WithDefaults(), seed, c.room)
					all = append(all, w.off(t, scene))
				}
				slices.Sort(all)
				if t.Logf("errors: %.2e", all); all[2] > limit {
					t.Errorf("the median of %.2e is above %g", all, limit)
				}
			})
		}
	}
}
