package magi1

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/noise"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// forGPU is the transformer as a bundle for CUDA has it.
type forGPU struct {
	*nn.Net
	o fuse.Options
}

func (f forGPU) Model() (*onnx.Model, error) {
	m, err := f.Net.Model()
	if err == nil {
		err = fuse.CUDA(m, f.o)
	}
	return m, err
}

func smallShape() ModelConfig {
	return ModelConfig{NumLayers: 2, HiddenSize: 48, FFNSize: 64, NumHeads: 4, NumGroups: 2, HeadDim: 16, InChannels: 4, OutChannels: 4, CaptionSize: 6, CaptionTokens: 9}.WithDefaults()
}

// The graph that a GPU gets, whose attention repeats shared heads, gives in float32 what the plain one gives: with earlier chunks.
func TestTheGraphForAGPU(t *testing.T) {
	c := smallShape()
	bare, err := Transformer(c, false, 2, nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tabs, err := Tables(c, nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := drawWeights(t, bare, tabs)
	var want [][]float32
	for i, fused := range []bool{false, true} {
		net, err := Transformer(c, false, 2, nn.Options{Weights: w})
		if err != nil {
			t.Fatal(err)
		}
		if fused {
			t.Setenv(compiletest.FormEnv, "fused")
		}
		s := compiletest.Open(t, net, nil)
		n := &network{c: c, session: s, slots: 2, height: 4, width: 6, chunkWidth: 2, tables: tables{null: w.values("y_embedder.null_caption_embedding"), bands: w.values("rope.bands")}}
		seen := window{}
		for j := range 3 {
			k := call{entry: entry{chunk: j, time: 0.2}, latent: noise.Normal(uint64(j), 4*2*4*6), kind: kindText, caption: engine.Floats(noise.Normal(9, 5*6), 1, 5, 6)}
			v, m, err := n.forward(context.Background(), k, seen)
			if err != nil {
				t.Fatal(err)
			}
			if seen[j] = m; i == 0 {
				want = append(want, v)
			} else {
				golden.Near(t, "chunk", v, want[j], 1e-5)
			}
		}
		seen.closeFrom(0)
	}
}

// The residual stream is float32 in the types of a GPU's graph, and every norm of it is one of ours, which reads it as it is: where FP16 had
// the stream, its sums were rounded at each of them, and a large one had no room.
func TestTheStreamOnAGPUIsFloat32(t *testing.T) {
	for _, gated := range []bool{false, true} {
		c := smallShape()
		c.Gated = gated
		net, err := Transformer(c, false, 2, nn.Options{})
		m, err2 := forGPU{net, fuse.Options{Type: onnx.Float16, Codes: true}}.Model()
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		ops := map[string]int{}
		for i := range m.Graph.Nodes {
			n := &m.Graph.Nodes[i]
			if ops[n.Op]++; n.Op == "GatedNorm" && castTo(maker(m, n.Inputs[0])) != 0 {
				t.Errorf("%s is given the stream in another type than it has", n.Name)
			}
		}
		layers := int(c.NumLayers)
		if ops["GatedNorm"] != 2*layers || ops["ModulatedNormFP16"] != 2*layers+1 || ops["LayerNormalization"] != 4*layers {
			t.Errorf("gated %v: %v", gated, ops)
		}
	}
}

func maker(m *onnx.Model, v string) *onnx.Node {
	for i := range m.Graph.Nodes {
		if slices.Contains(m.Graph.Nodes[i].Outputs, v) {
			return &m.Graph.Nodes[i]
		}
	}
	return nil
}

// ONNX Runtime has conversions from and to FP8 on CUDA for float32 (and FP16), not for BF16: a graph of a published FP8 checkpoint has no
// other, in no form that a GPU gets. And its activations, which are rounded by the checkpoint's own scales, are not rounded again by others.
func TestPublishedFP8OnAGPU(t *testing.T) {
	for name, o := range map[string]*fuse.Options{"as built": nil, "fused": {Type: onnx.Float32}, "bf16": {}, "fp16": {Type: onnx.Float16}, "as a bundle has it": {Type: onnx.Float16, Codes: true}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "magi_quant")
			net, err := Transformer(b.c.Model, true, 2, nn.Options{Weights: b.g.Weights("w.")})
			if err != nil {
				t.Fatal(err)
			}
			m, err := net.Model()
			if err == nil && o != nil {
				err = fuse.CUDA(m, *o)
			}
			if err != nil {
				t.Fatal(err)
			}
			made, products, roundings := map[string]*onnx.Node{}, 0, 0
			for i := range m.Graph.Nodes {
				n := &m.Graph.Nodes[i]
				for _, v := range n.Outputs {
					made[v] = n
				}
				if n.Op == "CodeLinear" || n.Op == "QuantizeRows" {
					t.Errorf("%s rounds activations again", n.Name)
				}
				if n.Op == "QuantLinear" {
					products++
				}
				if n.Op != "Cast" {
					continue
				}
				from := made[n.Inputs[0]]
				if castTo(n) == onnx.Float8E4M3 {
					if roundings++; from == nil || from.Op != "Clip" || castTo(made[from.Inputs[0]]) != onnx.Float32 {
						t.Errorf("%s does not make FP8 of float32 that was cut off", n.Name)
					}
				}
				if castTo(from) == onnx.Float8E4M3 && castTo(n) != onnx.Float32 {
					t.Errorf("%s makes another type of FP8 than float32", n.Name)
				}
				if from != nil && castTo(made[input(from, 0)]) == onnx.Float8E4M3 && from.Op == "Cast" {
					t.Errorf("%s follows the conversion from FP8 at once: the library makes one of the two", n.Name)
				}
			}
			if roundings == 0 || products < roundings {
				t.Errorf("%d roundings for %d products", roundings, products)
			}
		})
	}
}

func input(n *onnx.Node, i int) string {
	if n == nil || i >= len(n.Inputs) {
		return ""
	}
	return n.Inputs[i]
}

// castTo is the type that a conversion gives, 0 of what is none.
func castTo(n *onnx.Node) onnx.DType {
	if n == nil || n.Op != "Cast" {
		return 0
	}
	return onnx.DType(n.Attrs[0].I)
}

// What chunks leave has the type of activations there, going out and in.
func TestWhatChunksLeaveOnAGPUHasSixteenBits(t *testing.T) {
	for _, as := range []onnx.DType{onnx.BFloat16, onnx.Float16} {
		leaves(t, as)
	}
}

func leaves(t *testing.T, as onnx.DType) {
	t.Helper()
	net, err := Transformer(smallShape(), false, 2, nn.Options{})
	m, err2 := forGPU{net, fuse.Options{Type: as}}.Model()
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	for _, v := range append(m.Graph.Inputs, m.Graph.Outputs...) {
		want := onnx.Float32
		if strings.HasPrefix(v.Name, "k.") || strings.HasPrefix(v.Name, "v.") {
			want = as
		}
		if v.Type != want {
			t.Errorf("%s has the type %d, want %d", v.Name, v.Type, want)
		}
	}
}
