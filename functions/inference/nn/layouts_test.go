package nn_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// edit is what a test does to the tensors of a layer.
type edit func(all []weights.Tensor) []weights.Tensor

func drop(name string) edit {
	return func(all []weights.Tensor) (out []weights.Tensor) {
		for _, x := range all {
			if x.Name != name {
				out = append(out, x)
			}
		}
		return out
	}
}

// put replaces the tensor of that name, or adds it.
func put(x weights.Tensor) edit {
	return func(all []weights.Tensor) []weights.Tensor { return append(drop(x.Name)(all), x) }
}

// byteAt changes one byte of a tensor.
func byteAt(name string, at int, b byte) edit {
	return func(all []weights.Tensor) (out []weights.Tensor) {
		for _, x := range all {
			if x.Name == name {
				x.Data = append([]byte(nil), x.Data...)
				x.Data[at] = b
			}
			out = append(out, x)
		}
		return out
	}
}

// magi is a layer in MAGI's FP8 layout.
func magi(t *testing.T) []weights.Tensor {
	q := coded(t, quant.FP8, quant.Options{})
	ones := make([]float32, cols)
	for i := range ones {
		ones[i] = 1
	}
	return []weights.Tensor{tensor("fc.weight", weights.F8E4M3, q.Codes, 1, rows, cols), tensor("fc.weight_scale", weights.F32, f32(q.Scales...), 1),
		tensor("fc.input_scale", weights.F32, f32(1), 1), tensor("fc.smooth_scale", weights.F32, f32(ones...), 1, cols)}
}

// TestEveryLayoutsFaults spoils each published layout in each part. One sentence names the weight and says what is wrong, before
// anything is multiplied.
func TestEveryLayoutsFaults(t *testing.T) {
	all := map[string][]weights.Tensor{"magi": magi(t)}
	for name, c := range checkpoints(t) {
		all[name] = c.tensors
	}
	nan, inf, f, u := float32(math.NaN()), float32(math.Inf(1)), weights.F32, weights.U8
	many := func(n int, v float32) []byte {
		out := make([]float32, n)
		for i := range out {
			out[i] = v
		}
		return f32(out...)
	}
	const row, blocks, state = "lightricks fp8, by row", rows * cols / 64, "fc.weight.quant_state.bitsandbytes__nf4"
	says := func(text string) edit { return put(tensor(state, u, []byte(text), int64(len(text)))) }
	for _, c := range []struct {
		layout string
		edit   edit
		want   string
	}{
		{"comfy", byteAt("fc.weight", 70, 0x7f), "not a number in row 1"},
		{"comfy", byteAt("fc.weight", 71, 0xff), "not a number in row 1"},
		{"comfy", put(tensor("fc.scale_weight", f, f32(nan), 1)), "the scale NaN"},
		{"comfy", put(tensor("fc.scale_weight", f, f32(-2), 1)), "the scale -2 at 0; scales of fp8 are never below zero"},
		{"comfy", put(tensor("fc.scale_weight", f, f32(float32(math.Copysign(0, -1))), 1)), "a scale of zero"},
		{"comfy", put(tensor("fc.scale_weight", f, f32(3e38), 1)), "its scale makes infinite"},
		{"comfy", put(tensor("fc.scale_weight", f, nil, 0)), "scales of shape [0]"},
		{"comfy", put(tensor("fc.scale_weight", f, f32(1, 1, 1), 3)), "scales of shape [3]"},
		{"comfy", put(tensor("fc.scale_weight", weights.I32, f32(1), 1)), "1 values of I32 in fc.scale_weight; 1 of floating point"},
		{"comfy", put(tensor("fc.weight", weights.F8E5M2, make([]byte, rows*cols), rows, cols)), "is F8_E5M2 of shape"},
		{"comfy", put(tensor("fc.weight", weights.F8E4M3, make([]byte, rows*cols), cols, rows)), "of shape [64 160]"},
		{"comfy", put(tensor("fc.weight", weights.BF16, make([]byte, 2*rows*cols), rows, cols)), "is held as BF16, with fc.scale_weight beside it"},
		{"comfy", put(tensor("fc.weight_scale", f, f32(1), 1)), "scales of two layouts, .scale_weight and .weight_scale"},
		{row, put(tensor("fc.weight_scale", f, many(cols, 1), 1, cols)), "scales of shape [1 64]"},
		{row, put(tensor("fc.weight_scale", f, many(rows, 1), 1, rows)), "scales of shape [1 160]"},
		{row, put(tensor("fc.weight_scale", f, many(rows, inf), rows, 1)), "the scale +Inf at 0"},
		{row, drop("fc.weight_scale"), "lacks its scale"},
		{"fp8 that was cast", put(tensor("fc.weight_scale_inv", f, f32(1, 1), 2, 1)), "has its scales in fc.weight_scale_inv, a layout that is not understood"},
		{"fp8 that was cast", put(tensor("fc.weight.scale", f, f32(1), 1)), "has its scales in fc.weight.scale"},
		{"fp8 that was cast", put(tensor("other.weight_scale", f, f32(1), 1)), "lacks its scale, which others of the checkpoint have (other.weight_scale)"},
		{"magi", drop("fc.weight_scale"), "lacks its scale"},
		{"magi", drop("fc.input_scale"), "lacks its input_scale"},
		{"magi", put(tensor("fc.input_scale", f, nil, 0)), "lacks its input_scale"},
		{"magi", put(tensor("fc.weight_scale", f, f32(1, 1), 2)), "2 values of F32 in fc.weight_scale; 1 of"},
		{"magi", put(tensor("fc.smooth_scale", f, many(cols, 0), 1, cols)), "the 0 at 0 of fc.smooth_scale, by which activations are divided"},
		{"magi", put(tensor("fc.smooth_scale", f, many(cols, nan), 1, cols)), "the NaN at 0 of fc.smooth_scale"},
		{"magi", put(tensor("fc.smooth_scale", f, many(cols-1, 1), 1, cols-1)), "63 values of F32 in fc.smooth_scale; 64"},
		{"magi", put(tensor("fc.weight_scale", f, f32(0), 1)), "a scale of zero"},
		{"magi", byteAt("fc.weight", 0, 0x7f), "not a number in row 0"},
		{"lightricks nvfp4", drop("fc.weight_scale"), "lacks its fc.weight_scale"},
		{"lightricks nvfp4", drop("fc.weight_scale_2"), "lacks its weight_scale_2"},
		{"lightricks nvfp4", put(tensor("fc.weight_scale_2", f, f32(0), 1)), "second-level scale 0"},
		{"lightricks nvfp4", put(tensor("fc.weight_scale_2", f, f32(-1), 1)), "second-level scale -1"},
		{"lightricks nvfp4", put(tensor("fc.weight_scale_2", f, f32(nan), 1)), "second-level scale NaN"},
		{"lightricks nvfp4", put(tensor("fc.weight_scale_2", f, f32(1, 2), 2)), "2 values of F32 in fc.weight_scale_2; 1"},
		{"lightricks nvfp4", put(tensor("fc.weight_scale", weights.F8E4M3, make([]byte, 512), 128, 4)), "512 values of F8_E4M3 in fc.weight_scale; 1024 of F8_E4M3"},
		{"lightricks nvfp4", put(tensor("fc.weight_scale", weights.F8E4M3, make([]byte, rows*cols/16), rows, cols/16)), "as ModelOpt lays it out"},
		{"lightricks nvfp4", put(tensor("fc.weight_scale", f, many(1024, 1), 256, 4)), "1024 values of F32 in fc.weight_scale; 1024 of F8_E4M3"},
		{"lightricks nvfp4", byteAt("fc.weight_scale", 0, 0x7f), "block scale that is not a number"},
		{"lightricks nvfp4", byteAt("fc.weight_scale", 0, 0x81), "block scale below zero"},
		{"lightricks nvfp4", put(tensor("fc.weight", u, make([]byte, rows*cols/2), cols/2, rows)), "is U8 of shape [32 160]"},
		{"bitsandbytes", drop(state), "no quant_state of nf4"},
		{"bitsandbytes", drop("fc.weight.absmax"), "is held as U8, in a layout that is not understood"},
		{"bitsandbytes", put(tensor("fc.weight.absmax", f, many(blocks-1, 1), blocks-1)), "159 values of F32 in fc.weight.absmax; 160"},
		{"bitsandbytes", put(tensor("fc.weight.absmax", f, many(blocks, nan), blocks)), "the scale NaN at 0"},
		{"bitsandbytes", put(tensor("fc.weight.absmax", f, many(blocks, -1), blocks)), "the scale -1 at 0"},
		{"bitsandbytes", put(tensor("fc.weight.absmax", u, make([]byte, blocks), blocks)), "160 values of U8 in fc.weight.absmax"},
		{"bitsandbytes", put(tensor("fc.weight.quant_map", f, many(16, 0.5), 16)), "in its quant_map; NF4 has -1"},
		{"bitsandbytes", put(tensor("fc.weight", u, make([]byte, rows*cols/2-1), rows*cols/2-1)), "of 5119 bytes"},
		{"bitsandbytes", says(`{"quant_type": "fp4", "blocksize": 64, "shape": [160, 64]}`), `of type "fp4" under the name of nf4`},
		{"bitsandbytes", says(`{"quant_type": "nf4", "blocksize": 64, "shape": [64, 160]}`), "for the shape [64 160]"},
		{"bitsandbytes", says(`{"quant_type": "nf4", "blocksize": 64}`), "for the shape []"},
		{"bitsandbytes", says(`{"quant_type": "nf4", "shape": [160, 64]}`), "blocks of 0"},
		{"bitsandbytes", says(`{"blocksize": 64, "shape": [160, 64], "nested_offset": NaN}`), "that is no JSON"},
		{"bitsandbytes, nested", drop("fc.weight.nested_quant_map"), "lacks its fc.weight.nested_quant_map"},
		{"bitsandbytes, nested", drop("fc.weight.nested_absmax"), "lacks its fc.weight.nested_absmax"},
		{"bitsandbytes, nested", put(tensor("fc.weight.nested_absmax", f, f32(nan), 1)), "second-level scale NaN"},
		{"bitsandbytes, nested", put(tensor("fc.weight.nested_quant_map", f, many(255, 1), 255)), "255 values of F32 in fc.weight.nested_quant_map; 256"},
		{"bitsandbytes, nested", put(tensor("fc.weight.absmax", f, many(blocks, 1), blocks)), "160 values of F32 in fc.weight.absmax; 160 of U8"},
		{"bitsandbytes, nested", says(`{"blocksize": 64, "shape": [160, 64], "nested_blocksize": 128}`), "nested blocks of 128"},
		{"bitsandbytes, nested", says(`{"blocksize": 64, "shape": [160, 64], "nested_blocksize": 256}`), "no nested_offset"},
		{"bitsandbytes, nested", put(tensor("fc.weight.nested_absmax", f, f32(-1), 1)), "second-level scale -1"},
	} {
		what := fmt.Sprintf("%s, want %q", c.layout, c.want)
		err := written(layer(source(t, c.edit(all[c.layout]))))
		if err == nil || !strings.Contains(err.Error(), "tensor fc.weight ") || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

// TestFP8WithoutAScaleAmongScales: what is no linear weight has no layout with scales, and must not be read without its own.
func TestFP8WithoutAScaleAmongScales(t *testing.T) {
	norm := func(extra ...weights.Tensor) error {
		set := append(extra, tensor("n.weight", weights.F8E4M3, []byte{56, 57, 58, 59}, 4), weights.Float32Tensor("n.bias", []int64{4}, make([]float32, 4)))
		n := nn.New("g", "c", nn.Options{Weights: source(t, set)})
		n.Output("y", n.Mul(n.Input("x", onnx.Float32, "rows", 4), n.Param("n.weight", 4)), onnx.Float32, "rows", 4)
		return written(n)
	}
	if err := norm(); err != nil {
		t.Errorf("a checkpoint that was cast to FP8 as a whole: %v", err)
	}
	err := norm(tensor("fc.weight_scale", weights.F32, f32(1), 1))
	if err == nil || !strings.Contains(err.Error(), "tensor n.weight of c is held as F8_E4M3 and has no scale that is understood, in a checkpoint that has scales (fc.weight_scale)") {
		t.Errorf("got %v", err)
	}
}
