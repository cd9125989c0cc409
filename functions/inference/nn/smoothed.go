package nn

import (
	"math"
	"slices"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// smoothed is how MAGI's FP8 checkpoints have a linear layer: codes [1, out, in] with one scale, and activations that are
// divided, each channel by its own number, and rounded to FP8 before the product. The product is scaled by the weight's scale
// and one of the activations'.
type smoothed struct {
	name string  // of the tensor that activations are divided by
	dims []int64 // of it: [in] or [1, in]
}

// isSmoothed says whether a weight has the leading dimension of that layout.
func isSmoothed(p *published, info weights.Info) bool {
	return info.DType == weights.F8E4M3 && slices.Equal(info.Shape, []int64{1, p.n, p.k})
}

func openSmoothed(p *published, layer string) error {
	p.smooth = &smoothed{name: layer + ".input_scale", dims: []int64{p.k}}
	if _, err := p.src.Info(layer + ".smooth_scale"); err == nil {
		p.smooth = &smoothed{name: layer + ".smooth_scale", dims: []int64{1, p.k}}
	}
	scale, err := p.src.Info(layer + ".input_scale")
	if err != nil || scale.Elements() == 0 {
		return p.bad("lacks its input_scale: the checkpoint is incomplete")
	}
	if err := p.need(layer+".weight_scale", 1); err != nil {
		return err
	}
	divisors, err := p.floats(p.smooth.name, p.k)
	if err != nil {
		return err
	}
	for i, d := range divisors {
		if !(d > 0) || math.IsInf(float64(d), 0) {
			return p.bad("has the %v at %d of %s, by which activations are divided; it must be finite and above 0", d, i, p.smooth.name)
		}
	}
	p.f = quant.FP8
	p.parts = func(p *published, t *quant.Tensor) error {
		weight, err := p.floats(layer+".weight_scale", 1)
		if err != nil {
			return err
		}
		input, err := p.floats(layer+".input_scale", scale.Elements())
		if err != nil {
			return err
		}
		t.Scales = []float32{weight[0] * input[0]} // of many the first one counts, as for cuBLASLt
		return nil
	}
	return nil
}

// rounded is x as FP8 has it, divided channel by channel: in float32, then in BF16, then in FP8. Each step is a conversion that ONNX
// Runtime has on CUDA too, which knows none between BF16 and FP8, and makes one of two conversions that follow each other: hence
// the values are cut off between the two, which rounding to BF16 does not see. And x is float32 from the first on, whatever it was,
// so that a graph whose activations become BF16 divides as the published code does.
func (n *Net) rounded(x onnx.Value, s *smoothed, in int64) onnx.Value {
	const most = 448
	to := func(x onnx.Value, t onnx.DType) onnx.Value {
		return n.Op("Cast", []onnx.Value{x}, onnx.Int("to", int64(t)))
	}
	x = n.Div(to(x, onnx.Float32), n.held(s.name, onnx.Float32, s.dims, []int64{in}, 1))
	x = n.Op("Clip", []onnx.Value{to(to(x, onnx.BFloat16), onnx.Float32), n.Builder.Float(-most), n.Builder.Float(most)})
	x = to(to(x, onnx.Float8E4M3), onnx.Float32)
	if n.activation() != onnx.Float32 {
		x = to(x, n.activation())
	}
	return x
}
