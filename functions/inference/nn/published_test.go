package nn_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/noise"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

const rows, cols = 160, 64 // more than one tile of 128 rows

func f32(v ...float32) []byte { return bytes.Clone(nn.Bytes(v)) }

func tensor(name string, d weights.DType, data []byte, shape ...int64) weights.Tensor {
	return weights.Tensor{Name: name, DType: d, Shape: shape, Data: data}
}

func coded(t *testing.T, f quant.Format, o quant.Options) *quant.Tensor {
	t.Helper()
	q, err := quant.Encode("w", f, o, noise.Normal(3, rows*cols), rows, cols)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// tiles puts block scales as Lightricks' files have them.
func tiles(scales []byte) []byte {
	c4 := cols / 16
	across := (c4 + 3) / 4
	out := make([]byte, (rows+127)/128*128*across*4)
	for r := range rows {
		for c := range c4 {
			out[(r/128*across+c/4)*512+r%32*16+r%128/32*4+c%4] = scales[r*c4+c]
		}
	}
	return out
}

// swapped exchanges the nibbles.
func swapped(codes []byte) []byte {
	out := make([]byte, len(codes))
	for i, b := range codes {
		out[i] = b<<4 | b>>4
	}
	return out
}

func nf4State(double bool, offset float32) []byte {
	state := map[string]any{"quant_type": "nf4", "blocksize": 64, "shape": []int{rows, cols}, "dtype": "bfloat16"}
	if double {
		state["nested_blocksize"], state["nested_offset"], state["nested_dtype"] = 256, offset, "float32"
	}
	raw, err := json.Marshal(state)
	if err != nil {
		panic(err)
	}
	return raw
}

// checkpoints are one layer in every published layout, and what each means.
func checkpoints(t *testing.T) map[string]struct {
	tensors []weights.Tensor
	q       *quant.Tensor
} {
	one, each := coded(t, quant.FP8, quant.Options{}), coded(t, quant.FP8, quant.Options{PerChannel: true})
	nf, nested, nv := coded(t, quant.NF4, quant.Options{}), coded(t, quant.NF4, quant.Options{Double: true}), coded(t, quant.NVFP4, quant.Options{})
	cast := coded(t, quant.FP8, quant.Options{})
	cast.Scales = []float32{1}
	const u, f, e = weights.U8, weights.F32, weights.F8E4M3
	state := "fc.weight.quant_state.bitsandbytes__nf4"
	plain, double := nf4State(false, 0), nf4State(true, nested.Offset)
	return map[string]struct {
		tensors []weights.Tensor
		q       *quant.Tensor
	}{
		"comfy": {[]weights.Tensor{tensor("fc.weight", e, one.Codes, rows, cols), tensor("fc.scale_weight", f, f32(one.Scales...)), tensor("scaled_fp8", e, []byte{0}, 1)}, one},
		"lightricks fp8, by row": {[]weights.Tensor{tensor("fc.weight", e, each.Codes, rows, cols), tensor("fc.weight_scale", f, f32(each.Scales...), rows, 1),
			tensor("fc.input_scale", f, f32(1))}, each},
		"fp8 that was cast": {[]weights.Tensor{tensor("fc.weight", e, cast.Codes, rows, cols)}, cast},
		"lightricks nvfp4": {[]weights.Tensor{tensor("fc.weight", u, swapped(nv.Codes), rows, cols/2), tensor("fc.weight_scale", e, tiles(nv.ScaleCodes), 256, 4),
			tensor("fc.weight_scale_2", f, f32(nv.Scales2...))}, nv},
		"bitsandbytes": {[]weights.Tensor{tensor("fc.weight", u, nf.Codes, rows*cols/2, 1), tensor("fc.weight.absmax", f, f32(nf.Scales...), rows*cols/64),
			tensor(state, u, plain, int64(len(plain)))}, nf},
		"bitsandbytes, nested": {[]weights.Tensor{tensor("fc.weight", u, nested.Codes, rows*cols/2, 1), tensor("fc.weight.absmax", u, nested.ScaleCodes, rows*cols/64),
			tensor("fc.weight.nested_absmax", f, f32(nested.Scales2...), int64(len(nested.Scales2))), tensor("fc.weight.nested_quant_map", f, f32(nested.Table...), 256),
			tensor(state, u, double, int64(len(double)))}, nested},
	}
}

// source writes the tensors, with a bias, to a safetensors file and opens it.
func source(t *testing.T, tensors []weights.Tensor) *weights.Set {
	t.Helper()
	dir := t.TempDir()
	if err := weights.Write(filepath.Join(dir, "m.safetensors"), append(tensors, weights.Float32Tensor("fc.bias", []int64{rows}, noise.Normal(5, rows))), nil); err != nil {
		t.Fatal(err)
	}
	s, err := weights.OpenSet(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func layer(src nn.Source) *nn.Net {
	n := nn.New("g", "c", nn.Options{Weights: src})
	n.Output("y", n.Dense(n.Input("x", onnx.Float32, "rows", cols), "fc", cols, rows, true), onnx.Float32, "rows", rows)
	return n
}

// A quantized checkpoint is multiplied by what its codes mean, whatever layout they are published in.
func TestPublishedLayouts(t *testing.T) {
	kernelstest.Library(t)
	x, bias := draw(9, 3, cols), noise.Normal(5, rows)
	for name, c := range checkpoints(t) {
		s := compiletest.Open(t, layer(source(t, c.tensors)), nil)
		w, want := make([]float32, rows*cols), make([]float32, 0, 3*rows)
		if err := c.q.Decode(w); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			for r := range rows {
				sum := float64(bias[r])
				for k := range cols {
					sum += float64(x.Float32()[i*cols+k]) * float64(w[r*cols+k])
				}
				want = append(want, float32(sum))
			}
		}
		golden.Near(t, name, compiletest.Run(t, s, engine.Values{"x": x}).Float32("y"), want, 1e-5)
	}
}

// What has been multiplied by a power of two is rounded as it was before, and its product is that many times as large, exactly.
func TestALayerThatRoundsItsInputTakesAPowerOfTwoAway(t *testing.T) {
	kernelstest.Library(t)
	for _, scale := range []float32{1e-12, 3e-7, 2e-5, 0.4, 9} {
		powerOfTwo(t, put(tensor("fc.input_scale", weights.F32, f32(scale), 1))(magi(t)))
	}
}

// powerOfTwo holds a layer to it.
func powerOfTwo(t *testing.T, tensors []weights.Tensor) {
	t.Helper()
	set := source(t, tensors)
	product := func(times float32) []float32 {
		n := nn.New("g", "c", nn.Options{Weights: set})
		x := n.Mul(n.Input("x", onnx.Float32, "batch", "rows", cols), n.Float(times))
		n.Output("y", n.LinearTimes(x, "fc", cols, rows, times), onnx.Float32, "batch", "rows", rows)
		return compiletest.Run(t, compiletest.Open(t, n, nil), engine.Values{"x": draw(9, 1, 3, cols)}).Float32("y")
	}
	want, got := product(1), product(1./1024)
	for i := range want {
		if got[i] != want[i]/1024 {
			t.Fatalf("%g at %d, not %g", got[i], i, want[i]/1024)
		}
	}
}

// A layer rounds its input where its checkpoint says by what, and no other.
func TestWhichLayersRoundTheirInput(t *testing.T) {
	all := map[string][]weights.Tensor{"magi": magi(t)}
	for name, c := range checkpoints(t) {
		all[name] = c.tensors
	}
	for name, tensors := range all {
		n := nn.New("g", "c", nn.Options{Weights: source(t, tensors)})
		if got := n.RoundsInput("fc", cols, rows); got != (name == "magi") {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestPublishedFaultsAreNamed(t *testing.T) {
	all := checkpoints(t)
	without := func(from, name string) (out []weights.Tensor) {
		for _, x := range all[from].tensors {
			if x.Name != name {
				out = append(out, x)
			}
		}
		return out
	}
	comfy := all["comfy"].tensors[0]
	poisoned := comfy
	poisoned.Data = append([]byte{127}, comfy.Data[1:]...)
	scale := func(v float32) weights.Tensor { return tensor("fc.scale_weight", weights.F32, f32(v)) }
	plain := func(at int, v float32) []weights.Tensor {
		raw := make([]byte, 4*rows*cols)
		binary.LittleEndian.PutUint32(raw[4*at:], math.Float32bits(v))
		return []weights.Tensor{tensor("fc.weight", weights.F32, raw, rows, cols)}
	}
	state := func(block string) []weights.Tensor {
		const name = "fc.weight.quant_state.bitsandbytes__nf4"
		raw := fmt.Appendf(nil, `{"blocksize": %s, "shape": [%d, %d]}`, block, rows, cols)
		return append(without("bitsandbytes", name), tensor(name, weights.U8, raw, int64(len(raw))))
	}
	for want, tensors := range map[string][]weights.Tensor{
		"fc.weight of fp8 lacks its scale":                     without("comfy", "fc.scale_weight"),
		"fc.weight lacks its fc.weight.nested_absmax":          without("bitsandbytes, nested", "fc.weight.nested_absmax"),
		"fc.weight has bitsandbytes scales but no quant_state": without("bitsandbytes", "fc.weight.quant_state.bitsandbytes__nf4"),
		"fc.weight is held as I8, in a layout that is not":     {tensor("fc.weight", weights.I8, comfy.Data, rows, cols)},
		"fc.weight has the scales of two layouts":              append(without("comfy", ""), tensor("fc.weight.absmax", weights.F32, f32(1), 1)),
		"fc.weight lacks its input_scale":                      {tensor("fc.weight", weights.F8E4M3, comfy.Data, 1, rows, cols), tensor("fc.weight_scale", weights.F32, f32(1), 1)},
		"fc.weight has a scale of zero":                        {comfy, scale(0)},
		"fc.weight has the scale +Inf":                         {comfy, scale(float32(math.Inf(1)))},
		"fc.weight has a weight that is not a number":          {poisoned, scale(1)},
		"fc.weight of c has the value NaN at 17":               plain(17, float32(math.NaN())),
		"fc.weight of c has the value -Inf at 3":               plain(3, float32(math.Inf(-1))),
		"fc.weight has a quant_state with blocks of 0;":        state("0"),
		"fc.weight has a quant_state with blocks of -64;":      state("-64"),
		"fc.weight has a quant_state with blocks of 63;":       state("63"),
		"fc.weight has a quant_state that is no JSON":          state("1e99"),
	} {
		if err := written(layer(source(t, tensors))); err == nil || !strings.Contains(err.Error(), "tensor "+want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// written makes every byte of a graph's weights.
func written(n *nn.Net) error {
	m, err := n.Model()
	if err != nil {
		return err
	}
	for i := range m.Graph.Initializers {
		if w := &m.Graph.Initializers[i]; w.Content != nil {
			if _, err := w.WriteTo(new(bytes.Buffer)); err != nil {
				return err
			}
		}
	}
	return nil
}

// quantizedBy is a source whose config.json says what has quantized it.
type quantizedBy struct {
	*weights.Set
	method string
}

func (q quantizedBy) QuantizedBy() string { return q.method }

// TestModelOptsNVFP4IsRefused: it has Lightricks' names, its scales in rows, and must not be read as theirs. Where the shapes
// are the same, config.json tells them apart.
func TestModelOptsNVFP4IsRefused(t *testing.T) {
	w := noise.Normal(7, 128*64)
	q, err := quant.Encode("fc.weight", quant.NVFP4, quant.Options{}, w, 128, 64)
	if err != nil {
		t.Fatal(err)
	}
	same := source(t, []weights.Tensor{tensor("fc.weight", weights.U8, q.Codes, 128, 32), tensor("fc.weight_scale", weights.F8E4M3, q.ScaleCodes, 128, 4),
		tensor("fc.weight_scale_2", weights.F32, f32(q.Scales2...))})
	dense := func(src nn.Source, out, in int64) error {
		n := nn.New("g", "c", nn.Options{Weights: src})
		n.Output("y", n.Dense(n.Input("x", onnx.Float32, "rows", in), "fc", in, out, false), onnx.Float32, "rows", out)
		_, err := n.Model()
		return err
	}
	if err := dense(same, 128, 64); err != nil {
		t.Errorf("Lightricks' of whole tiles: %v", err)
	}
	if err := dense(quantizedBy{same, "modelopt"}, 128, 64); !errdefs.IsNotImplemented(err) || !strings.Contains(err.Error(), "ModelOpt") {
		t.Errorf("ModelOpt's of whole tiles: %v", err)
	}
	nv := coded(t, quant.NVFP4, quant.Options{})
	apart := source(t, []weights.Tensor{tensor("fc.weight", weights.U8, nv.Codes, rows, cols/2), tensor("fc.weight_scale", weights.F8E4M3, nv.ScaleCodes, rows, cols/16),
		tensor("fc.weight_scale_2", weights.F32, f32(nv.Scales2...))})
	if err := dense(apart, rows, cols); !errdefs.IsNotImplemented(err) || !strings.Contains(err.Error(), "ModelOpt") {
		t.Errorf("ModelOpt's by its shape: %v", err)
	}
}
