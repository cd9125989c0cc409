package fuse_test

import (
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

const (
	dim, heads, ffn = 32, 2, 64
	epsilon         = 1e-6
)

// block is one block of a diffusion transformer, as models build it, with random weights.
func block(t *testing.T) *onnx.Model {
	t.Helper()
	model, err := blockOf(nn.Options{}).Model()
	if err != nil {
		t.Fatal(err)
	}
	fill(model)
	return model
}

func blockOf(o nn.Options) *nn.Net {
	n := nn.New("block", "block", o)
	x := n.Input("x", onnx.Float32, "batch", "tokens", 16)
	mod := n.Input("modulation", onnx.Float32, "batch", 6, dim)
	cos, sin := n.Input("cos", onnx.Float32, "batch", "tokens", dim/heads/2), n.Input("sin", onnx.Float32, "batch", "tokens", dim/heads/2)
	n.SetBatch(x)
	h := n.Linear(x, "in", 16, dim, true)
	m := n.Split(n.Add(n.Param("table", 1, 6, dim), mod), 1, 6)
	a := n.Modulate(h, m[1], m[0], epsilon)
	q := n.RotaryPairs(n.RMSNorm(n.Linear(a, "q", dim, dim, true), "norm_q", dim, epsilon), cos, sin, heads)
	k := n.RotaryPairs(n.RMSNorm(n.Linear(a, "k", dim, dim, true), "norm_k", dim, epsilon), cos, sin, heads)
	h = n.Add(h, n.Mul(n.Linear(n.Attention(q, k, n.Linear(a, "v", dim, dim, true), "", heads, 0), "o", dim, dim, true), m[2]))
	h = n.Add(h, n.Linear(n.RMSNorm(n.Linear(n.LayerNorm(h, "norm", dim, epsilon), "c", dim, dim, false), "norm_c", dim, epsilon), "d", dim, dim, true))
	f := n.Linear(n.Gelu(n.Linear(n.Modulate(h, m[4], m[3], epsilon), "up", dim, ffn, true), true), "down", ffn, dim, true)
	n.Output("y", n.Add(h, n.Mul(f, m[5])), onnx.Float32, "batch", "tokens", dim)
	return n
}

func fill(m *onnx.Model) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range m.Graph.Initializers {
		w := &m.Graph.Initializers[i]
		if w.Content == nil {
			continue
		}
		v := make([]float32, w.Elements())
		for j := range v {
			v[j] = float32(r.NormFloat64()) / float32(math.Sqrt(dim))
		}
		w.Content = func(to io.Writer) error { _, err := to.Write(nn.Bytes(v)); return err }
	}
}

func ops(m *onnx.Model) map[string]int {
	count := map[string]int{}
	for _, n := range m.Graph.Nodes {
		count[n.Op]++
	}
	return count
}

func TestABlockBecomesOnePassPerFormula(t *testing.T) {
	m := block(t)
	if err := fuse.CUDA(m, fuse.Options{}); err != nil {
		t.Fatal(err)
	}
	got := ops(m)
	for op, want := range map[string]int{
		"QuantLinear": 9, "ModulatedNormBF16": 1, "GatedNorm": 2, "GatedAdd": 1, "RMSRotary": 3, "MultiHeadAttention": 1,
		"Gemm": 0, "Gelu": 0, "Mul": 0, "LayerNormalization": 0, "RMSNormalization": 0, "RotaryEmbedding": 0, "Reshape": 0,
	} {
		if got[op] != want {
			t.Errorf("%d nodes %s, expected %d; all: %v", got[op], op, want, got)
		}
	}
}

// fp8Block is the block with products of FP8 weights, rewritten.
func fp8Block(t *testing.T, o fuse.Options) *onnx.Model {
	t.Helper()
	m := block(t)
	if err := fuse.Products(m); err != nil {
		t.Fatal(err)
	}
	for i := range m.Graph.Nodes {
		if n := &m.Graph.Nodes[i]; n.Op == "QuantLinear" {
			n.Attrs = slices.Concat([]onnx.Attr{onnx.Str("format", "fp8")}, n.Attrs[1:])
		}
	}
	if err := fuse.CUDA(m, o); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestTheStreamBesideCodesIsBF16 looks at the first norm: a stream in float32 begins with the conversion of what the first product gives.
func TestTheStreamBesideCodesIsBF16(t *testing.T) {
	for _, c := range []struct {
		o    fuse.Options
		wide bool
	}{
		{fuse.Options{Codes: true}, false},
		{fuse.Options{Codes: true, Stream: onnx.Float32}, true},
		{fuse.Options{Codes: true, Type: onnx.Float16}, true},
		{fuse.Options{}, true},
	} {
		m := fp8Block(t, c.o)
		i := slices.IndexFunc(m.Graph.Nodes, func(n onnx.Node) bool { return strings.HasPrefix(n.Op, "ModulatedNorm") })
		wide := slices.ContainsFunc(m.Graph.Nodes, func(n onnx.Node) bool { return n.Op == "Cast" && n.Outputs[0] == m.Graph.Nodes[i].Inputs[0] })
		if wide != c.wide {
			t.Errorf("%+v: the stream is converted: %v", c.o, wide)
		}
	}
}

func TestFP8WeightsTakeTheirActivationsAsCodes(t *testing.T) {
	got := ops(fp8Block(t, fuse.Options{Codes: true}))
	// q, k and v share the norm's codes; the GELU is taken where its result is quantized
	for op, want := range map[string]int{"CodeLinear": 9, "QuantLinear": 0, "ModulatedNormCodes": 1, "GatedNormCodes": 2, "QuantizeRows": 4, "Gelu": 0} {
		if got[op] != want {
			t.Errorf("%d nodes %s, expected %d; all: %v", got[op], op, want, got)
		}
	}
}

// TestFusedNodesMeanWhatTheyReplace runs the graph as it was built and the graph with every fused node written out again by
// its own formula, and compares.
func TestFusedNodesMeanWhatTheyReplace(t *testing.T) {
	plain, fused := block(t), block(t)
	if err := fuse.CUDA(fused, fuse.Options{Type: onnx.Float32}); err != nil {
		t.Fatal(err)
	}
	if got := ops(fused); got["GatedNorm"] != 2 || got["RMSRotary"] != 3 || got["GatedAdd"] != 1 || got["ModulatedNorm"] != 1 {
		t.Fatalf("nothing was fused: %v", got)
	}
	writeOut(t, fused)
	in := inputs()
	want, got := run(t, plain, in), run(t, fused, in)
	var diff, norm float64
	for i := range want {
		diff, norm = diff+sq(float64(got[i]-want[i])), norm+sq(float64(want[i]))
	}
	if e := math.Sqrt(diff / norm); !(e < 1e-5) {
		t.Errorf("the fused graph differs by %g", e)
	}
}

func sq(x float64) float64 { return x * x }

// TestEveryNodeIsGivenTheTypesItTakes follows the types through the forms of 16 bits: products and attention are of the type of
// activations, the residual stream is float32 from the first norm to the last.
func TestEveryNodeIsGivenTheTypesItTakes(t *testing.T) {
	for name, half := range map[string]onnx.DType{"BF16": onnx.BFloat16, "FP16": onnx.Float16} {
		m := block(t)
		if err := fuse.CUDA(m, fuse.Options{Type: half}); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(store(t, m))
		if err != nil {
			t.Fatal(err)
		}
		if m, err = onnx.Decode(raw); err != nil {
			t.Fatal(err)
		}
		followed(t, m, name, half)
	}
}

// followed fails where a node of m takes a value before it is there, or one of another type than the operators have.
func followed(t *testing.T, m *onnx.Model, name string, half onnx.DType) {
	t.Helper()
	of := map[string]onnx.DType{}
	for _, in := range m.Graph.Inputs {
		of[in.Name] = in.Type
	}
	for _, w := range m.Graph.Initializers {
		of[w.Name] = w.Type
	}
	types := map[string]struct{ in, out []onnx.DType }{
		"QuantLinear": {[]onnx.DType{half}, []onnx.DType{half}}, "RMSRotary": {[]onnx.DType{half}, []onnx.DType{half}},
		"MultiHeadAttention": {[]onnx.DType{half, half, half}, []onnx.DType{half}}, "ModulatedNorm" + name: {[]onnx.DType{onnx.Float32}, []onnx.DType{half}},
		"GatedNorm": {[]onnx.DType{onnx.Float32, half}, []onnx.DType{onnx.Float32, half}}, "GatedAdd": {[]onnx.DType{onnx.Float32, half}, []onnx.DType{onnx.Float32}},
	}
	for _, n := range m.Graph.Nodes {
		for _, v := range n.Inputs {
			if _, ok := of[v]; v != "" && !ok {
				t.Errorf("%s: %s takes %s before anything makes it", name, n.Name, v)
			}
		}
		p, ours := types[n.Op]
		for i, want := range p.in {
			if got := of[n.Inputs[i]]; got != want {
				t.Errorf("%s: %s takes a value of type %d, expected %d", name, n.Name, got, want)
			}
		}
		for i, v := range n.Outputs {
			switch {
			case ours:
				of[v] = p.out[i]
			case n.Op == "Cast":
				of[v] = onnx.DType(n.Attrs[0].I)
			default:
				of[v] = of[n.Inputs[0]]
			}
		}
	}
	if of["y"] != onnx.Float32 {
		t.Errorf("%s: the result is of type %d", name, of["y"])
	}
}

// TestHalfPrecisionIsAsFineAsItsBits runs a block in both forms of 16 bits, every value rounded as on a GPU: BF16 keeps 8 bits of a number,
// FP16 11.
func TestHalfPrecisionIsAsFineAsItsBits(t *testing.T) {
	want := run(t, block(t), inputs())
	off := func(o fuse.Options) float64 {
		m := block(t)
		if err := fuse.CUDA(m, o); err != nil {
			t.Fatal(err)
		}
		writeOut(t, m)
		var diff, norm float64
		for i, v := range run(t, m, inputs()) {
			diff, norm = diff+sq(float64(v-want[i])), norm+sq(float64(want[i]))
		}
		return math.Sqrt(diff / norm)
	}
	narrow, wide, fine := off(fuse.Options{Stream: onnx.BFloat16}), off(fuse.Options{}), off(fuse.Options{Type: onnx.Float16})
	if !(narrow < 0.02 && wide < narrow && fine > 0 && fine < wide/5) {
		t.Errorf("BF16 is off by %g, with its residual stream in float32 by %g, FP16 by %g", narrow, wide, fine)
	}
}

func TestAStreamThatFP16CannotHoldIsRefused(t *testing.T) {
	for _, o := range []fuse.Options{{Type: onnx.Float16, Stream: onnx.Float16}, {Type: onnx.Float16, Stream: onnx.BFloat16}, {Type: onnx.Float32, Stream: onnx.BFloat16}} {
		if err := fuse.CUDA(block(t), o); err == nil {
			t.Errorf("%v was taken", o)
		}
	}
}
