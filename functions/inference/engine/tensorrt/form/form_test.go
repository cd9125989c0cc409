package form

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
)

// quantized is a graph of one product with a weight [n, k] in a format, and the weight as it decodes.
func quantized(t *testing.T, f quant.Format, n, k int, bias bool) (*onnx.Model, []float32) {
	t.Helper()
	w := make([]float32, n*k)
	r := rand.New(rand.NewPCG(1, uint64(n*k)))
	for i := range w {
		w[i] = float32(r.NormFloat64())
	}
	q, err := quant.Encode("w", f, quant.Options{}, w, n, k)
	if err != nil {
		t.Fatal(err)
	}
	b := onnx.NewBuilder("g")
	x := b.Op("Cast", []onnx.Value{b.Input("x", onnx.Float32, 2, k)}, onnx.Int("to", int64(onnx.BFloat16)))
	parts := map[string]onnx.Value{}
	for _, p := range q.Parts() {
		dtype := onnx.Uint8
		if p.Float {
			dtype = onnx.Float32
		}
		parts[p.Suffix] = b.Weight("w"+p.Suffix, dtype, p.Dims, func(to io.Writer) error { _, err := to.Write(p.Data); return err })
	}
	var c onnx.Value
	if bias {
		c = b.Floats("bias", []int64{int64(n)}, make([]float32, n))
	}
	y := quant.Linear(b, x, q, parts, c, false)
	b.Output("y", b.Op("Cast", []onnx.Value{y}, onnx.Int("to", int64(onnx.Float32))), onnx.Float32, 2, n)
	m, err := b.Model()
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Decode(w); err != nil {
		t.Fatal(err)
	}
	return m, w
}

// external moves every weight that is written to one file, and gives back what reads it.
func external(t *testing.T, m *onnx.Model) func(*onnx.Tensor) ([]byte, error) {
	t.Helper()
	file := map[string][]byte{}
	for i := range m.Graph.Initializers {
		if x := &m.Graph.Initializers[i]; x.Content != nil {
			var b bytes.Buffer
			if err := x.Content(&b); err != nil {
				t.Fatal(err)
			}
			file[x.Name] = b.Bytes()
			x.External, x.Content = &onnx.External{Location: "weights.bin", Length: x.Bytes()}, nil
		}
	}
	return func(x *onnx.Tensor) ([]byte, error) { return file[x.Name], nil }
}

func ops(m *onnx.Model) (names []string) {
	for _, n := range m.Graph.Nodes {
		names = append(names, n.Op)
	}
	return names
}

func TestQuantizedProductsBecomeStandardOperators(t *testing.T) {
	for f, want := range map[quant.Format]string{
		quant.BF16:  "Cast Transpose MatMul Cast Add Cast Identity",
		quant.FP8:   "Cast DequantizeLinear Cast Abs ReduceMax Max Mul Div QuantizeLinear DequantizeLinear Transpose MatMul Mul Add Cast Cast Identity",
		quant.NVFP4: "Cast DequantizeLinear DequantizeLinear Cast Transpose MatMul Cast Add Cast Identity",
		quant.INT4:  "Cast DequantizeLinear Cast Transpose MatMul Cast Add Cast Identity",
		quant.NF4:   "Cast Transpose MatMul Cast Add Cast Identity",
		quant.INT8:  "Cast Transpose MatMul Cast Add Cast Identity",
	} {
		m, _ := quantized(t, f, 32, 64, true)
		g, err := Of(m, external(t, m), nil)
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		if got := strings.Join(ops(g.Model), " "); got != want {
			t.Errorf("%s: %s", f, got)
		}
		if _, err := g.Model.Encode(); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
}

// TestWeightsLieInTheirFormat checks the bytes that are handed over, and that codes are the bundle's own memory.
func TestWeightsLieInTheirFormat(t *testing.T) {
	for f, c := range map[quant.Format]struct {
		dtype onnx.DType
		bytes int
		same  bool
	}{
		quant.BF16: {onnx.BFloat16, 2 * 32 * 64, true}, quant.FP8: {onnx.Float8E4M3, 32 * 64, true}, quant.NVFP4: {onnx.Float4E2M1, 32 * 32, true},
		quant.INT4: {onnx.Int4, 32 * 32, false}, quant.NF4: {onnx.BFloat16, 2 * 32 * 64, false}, quant.INT8: {onnx.BFloat16, 2 * 32 * 64, false},
	} {
		m, _ := quantized(t, f, 32, 64, false)
		content := external(t, m)
		before, _ := content(&onnx.Tensor{Name: "w.codes"})
		g, err := Of(m, content, nil)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(g.Model.Graph.Initializers, func(x onnx.Tensor) bool { return x.Name == "w.codes" })
		j := slices.IndexFunc(g.Weights, func(w Weight) bool { return w.Name == "w.codes" })
		if i < 0 || j < 0 || g.Model.Graph.Initializers[i].Type != c.dtype || len(g.Weights[j].Data) != c.bytes {
			t.Errorf("%s: %+v", f, g.Model.Graph.Initializers)
			continue
		}
		if same := &g.Weights[j].Data[0] == &before[0]; same != c.same {
			t.Errorf("%s: the bundle's own memory: %v", f, same)
		}
		if _, said := g.Decoded["w.codes"]; said != (f == quant.NF4 || f == quant.INT8) {
			t.Errorf("%s: decoded %v", f, g.Decoded)
		}
	}
}

func TestSignedFourBitIntegersAreTheSameNumbers(t *testing.T) {
	m, w := quantized(t, quant.INT4, 8, 64, false)
	content := external(t, m)
	raw, _ := content(&onnx.Tensor{Name: "w.scales"})
	scales := floatsOf(raw)
	g, err := Of(m, content, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range g.Weights {
		if x.Name != "w.codes" {
			continue
		}
		for i, want := range w {
			c := int8(x.Data[i/2]>>(4*(i&1))<<4) >> 4
			if got := float32(c) * scales[i/(len(w)/len(scales))]; got != want {
				t.Fatalf("element %d is %g, not %g", i, got, want)
			}
		}
	}
}

func TestWhatIsNotUnderstoodIsNamed(t *testing.T) {
	m, _ := quantized(t, quant.FP8, 16, 16, false)
	for i := range m.Graph.Nodes {
		if m.Graph.Nodes[i].Domain == quant.Domain {
			m.Graph.Nodes[i].Op = "Mystery"
		}
	}
	if _, err := Of(m, external(t, m), nil); !errdefs.IsNotImplemented(err) || !strings.Contains(err.Error(), "no operator Mystery") {
		t.Error(err)
	}
	m, _ = quantized(t, quant.FP8, 16, 16, false)
	content := external(t, m)
	short := func(x *onnx.Tensor) ([]byte, error) { b, err := content(x); return b[:len(b)/2], err }
	if _, err := Of(m, short, nil); !errdefs.IsInvalidArgument(err) {
		t.Error(err)
	}
}

// TestEightHasWhatTensorRT8Has lowers a product of every format: float32, opset 17, no operator of a later one; and where a
// scale is known, codes of INT8 on both sides.
func TestEightHasWhatTensorRT8Has(t *testing.T) {
	for f, want := range map[quant.Format]string{
		quant.BF16: "Cast Transpose MatMul Add Cast Identity", quant.FP8: "Cast Transpose MatMul Add Cast Identity",
		quant.NVFP4: "Cast Transpose MatMul Add Cast Identity", quant.NF4: "Cast Transpose MatMul Add Cast Identity",
	} {
		m, _ := quantized(t, f, 32, 64, true)
		products := Products(m)
		g, err := Eight(m, external(t, m), EightOptions{})
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		if got := strings.Join(ops(g.Model), " "); got != want || g.Model.Opsets[0].Version != 17 || len(products) != 1 {
			t.Errorf("%s: %s, opset %d, products %v", f, got, g.Model.Opsets[0].Version, products)
		}
		for _, x := range g.Model.Graph.Initializers {
			if x.Type != onnx.Float32 && x.Type != onnx.Int64 {
				t.Errorf("%s: weight %s is of type %d", f, x.Name, x.Type)
			}
		}
		m, _ = quantized(t, f, 32, 64, true)
		g, err = Eight(m, external(t, m), EightOptions{Scales: map[string]float32{products[0]: 0.01}})
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		if got := strings.Join(ops(g.Model), " "); got != "Cast QuantizeLinear DequantizeLinear QuantizeLinear DequantizeLinear Transpose MatMul Add Cast Identity" {
			t.Errorf("%s in INT8: %s", f, got)
		}
	}
}

// TestWhatTensorRT8HasNotIsReplaced looks at the operators of later opsets, and at those whose attributes its parser does not read.
func TestWhatTensorRT8HasNotIsReplaced(t *testing.T) {
	b := onnx.NewBuilder("late")
	x := b.Input("x", onnx.Float32, 1, "tokens", 8)
	one := b.Floats("one", []int64{8}, make([]float32, 8))
	y := b.Op("RMSNormalization", []onnx.Value{b.Gelu(x, true), one}, onnx.Int("axis", -1))
	y = b.Op("LayerNormalization", []onnx.Value{b.Gelu(y, false), one, one}, onnx.Int("axis", -1))
	y = b.Op("RotaryEmbedding", []onnx.Value{y, b.Input("cos", onnx.Float32, 1, "tokens", 2), b.Input("sin", onnx.Float32, 1, "tokens", 2)}, onnx.Int("num_heads", 2), onnx.Int("interleaved", 1))
	y = b.Op("Attention", []onnx.Value{y, y, y}, onnx.Int("q_num_heads", 2), onnx.Int("kv_num_heads", 2))
	y = b.Concat(2, b.Split(y, 2, 2)...)
	y = b.Div(y, b.Op("ReduceL2", []onnx.Value{y, b.Ints(1)}))
	b.Output("y", b.Reshape(y, b.Concat(0, b.DimOf(x, 1), b.Ints(-1))), onnx.Float32, "tokens", 8)
	m, err := b.Model()
	if err != nil {
		t.Fatal(err)
	}
	g, err := Eight(m, external(t, m), EightOptions{Slices: 2})
	if err != nil {
		t.Fatal(err)
	}
	seventeen := strings.Fields("Add Cast Concat Div Erf Identity MatMul Mul ReduceMean ReduceSum Reshape Shape Slice Softmax Split Sqrt Squeeze Sub Tanh Transpose Unsqueeze")
	exact := 0
	for _, n := range g.Model.Graph.Nodes {
		if !slices.Contains(seventeen, n.Op) {
			t.Errorf("%s (%s) is left", n.Op, n.Name)
		}
		if n.Op == "Split" && len(n.Attrs) > 1 || n.Op == "Shape" && len(n.Attrs) > 0 {
			t.Errorf("%s has %v", n.Op, n.Attrs)
		}
		if strings.HasSuffix(n.Name, Exact) {
			exact++
		}
	}
	if exact < 10 {
		t.Errorf("only %d nodes are kept from FP16", exact)
	}
	b = onnx.NewBuilder("grouped")
	q := b.Input("q", onnx.Float32, 1, "tokens", 8)
	b.Output("y", b.Op("Attention", []onnx.Value{q, q, q}, onnx.Int("q_num_heads", 2), onnx.Int("kv_num_heads", 1)), onnx.Float32, 1, "tokens", 8)
	if m, err = b.Model(); err != nil {
		t.Fatal(err)
	}
	if _, err := Eight(m, external(t, m), EightOptions{}); !errdefs.IsNotImplemented(err) || !strings.Contains(err.Error(), "share keys") {
		t.Errorf("grouped attention: %v", err)
	}
}

// TensorRT 8.6 ends in an assertion where it takes a sum into a convolution as its residual: none is left to take.
func TestNoSumStandsBehindAConvolutionForTensorRT8(t *testing.T) {
	b := onnx.NewBuilder("residual")
	x := b.Input("x", onnx.Float32, 1, 4, "t", 8, 8)
	y := b.Op("Conv", []onnx.Value{x, b.Floats("w", []int64{4, 4, 1, 1, 1}, make([]float32, 16))})
	b.Output("left", b.Add(y, x), onnx.Float32, 1, 4, "t", 8, 8)
	b.Output("right", b.Add(x, y), onnx.Float32, 1, 4, "t", 8, 8)
	b.Output("plain", b.Add(x, x), onnx.Float32, 1, 4, "t", 8, 8)
	m, err := b.Model()
	if err != nil {
		t.Fatal(err)
	}
	g, err := Eight(m, external(t, m), EightOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(ops(g.Model), " "); strings.Count(got, "Neg Sub") != 2 || strings.Count(got, "Add") != 1 {
		t.Error(got)
	}
	for _, n := range g.Model.Graph.Nodes {
		if n.Op == "Sub" && n.Inputs[0] != "x" {
			t.Errorf("%s takes %v: x - (-conv) is the sum", n.Name, n.Inputs)
		}
	}
}

// FuzzEight: any graph that can be read is lowered, or refused with a class.
func FuzzEight(f *testing.F) {
	for _, format := range []quant.Format{quant.BF16, quant.FP8, quant.NVFP4} {
		b := onnx.NewBuilder("seed")
		x := b.Input("x", onnx.Float32, 2, 8)
		b.Output("y", b.Op("Attention", []onnx.Value{x, x, b.Gelu(x, true)}, onnx.Int("q_num_heads", 2), onnx.Int("kv_num_heads", 2), onnx.Str("format", string(format))), onnx.Float32, 2, 8)
		m, err := b.Model()
		if err != nil {
			f.Fatal(err)
		}
		raw, err := m.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := onnx.Decode(raw)
		if err != nil {
			return
		}
		products := Products(m)
		scales := map[string]float32{}
		for _, p := range products {
			scales[p] = 1
		}
		g, err := Eight(m, func(x *onnx.Tensor) ([]byte, error) { return nil, errdefs.ErrNotFound }, EightOptions{Scales: scales, Slices: 3})
		if err == nil && g.Model.Opsets[0].Version != 17 {
			t.Error("the opset is not 17")
		}
	})
}

// TestAnInt8WeightStaysCodes: both sides of the product are INT8 where x has a scale, and it is decoded where it has none.
func TestAnInt8WeightStaysCodes(t *testing.T) {
	m, want := quantized(t, quant.INT8, 5, 64, true)
	if n := Wide(m); n != 4*5*64 {
		t.Errorf("%d bytes in float32", n)
	}
	x := Products(m)[0]
	g, err := Of(m, external(t, m), map[string]float32{x: 0.5})
	if err != nil || len(g.Decoded) != 0 {
		t.Fatal(err, g.Decoded)
	}
	count := map[string]int{}
	for _, n := range g.Model.Graph.Nodes {
		count[n.Op]++
		if n.Op == "DequantizeLinear" && len(n.Inputs) == 2 { // the weight's
			codes, scales := g.Weights[slices.IndexFunc(g.Weights, func(w Weight) bool { return w.Name == n.Inputs[0] })].Data, floatsOf(g.Weights[slices.IndexFunc(g.Weights, func(w Weight) bool { return w.Name == n.Inputs[1] })].Data)
			for i, w := range want {
				s := scales[i/64]
				if d := float32(int8(codes[i]))*s - w; d > 0.51*s || d < -0.51*s {
					t.Fatalf("weight %d is %d × %g, not %g", i, int8(codes[i]), s, w)
				}
			}
		}
	}
	if count["QuantizeLinear"] != 1 || count["DequantizeLinear"] != 2 || count["MatMul"] != 1 || count["Add"] != 1 {
		t.Errorf("%v", count)
	}
	m, _ = quantized(t, quant.INT8, 5, 64, false)
	if g, err = Of(m, external(t, m), map[string]float32{"another": 1}); err != nil || len(g.Decoded) != 1 {
		t.Error(err, g.Decoded)
	}
}
