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
	// kept is what the rounded activations are multiplied by, a power of two; the weight's scale has the rest.
	kept float32
}

// isSmoothed says whether a weight has the leading dimension of that layout.
func isSmoothed(p *published, info weights.Info) bool {
	return info.DType == weights.F8E4M3 && slices.Equal(info.Shape, []int64{1, p.n, p.k})
}

func openSmoothed(p *published, layer string) error {
	times := p.times
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
	weight, err := p.floats(layer+".weight_scale", 1)
	if err != nil {
		return err
	}
	input, err := p.floats(layer+".input_scale", scale.Elements())
	if err != nil {
		return err
	}
	p.f = quant.FP8
	all := weight[0] * input[0] // of many the first one counts, as for cuBLASLt
	p.smooth.kept = besides(all, times)
	p.parts = func(_ *published, t *quant.Tensor) error {
		t.Scales = []float32{all * (times / p.smooth.kept)}
		return nil
	}
	return nil
}

// besides is the power of two that FP8 activations are to be multiplied by beside weights of FP8 with a scale, so that the product is all
// of it, times so much. Weights are decoded to FP16 on a GPU: the scale's own power of two goes to the activations as far as FP16 holds
// each of theirs exactly, from 2⁻⁹ to 448, and the weights are numbers of about their codes' size.
func besides(scale, times float32) float32 {
	if !(scale > 0) || math.IsInf(float64(scale), 0) {
		return times // is refused with the weight
	}
	_, e := math.Frexp(float64(scale * times))
	return float32(math.Ldexp(1, min(max(e, -15), 7)))
}

// rounded is x as FP8 has it, divided channel by channel: in float32, then in BF16, then in FP8. Each step is a conversion that ONNX
// Runtime has on CUDA too, which knows none between BF16 and FP8, and makes one of two conversions that follow each other: hence
// the values are cut off between the two, which rounding to BF16 does not see. And x is float32 from the first on, whatever it was,
// so that a graph whose activations become BF16 divides as the published code does. What x has been multiplied by is in the divisors too:
// FP8 has no room for it, most of its numbers would become less exact ones.
func (n *Net) rounded(x onnx.Value, s *smoothed, l Linear) onnx.Value {
	const most = 448
	to := func(x onnx.Value, t onnx.DType) onnx.Value {
		return n.Op("Cast", []onnx.Value{x}, onnx.Int("to", int64(t)))
	}
	x = n.Div(n.Single(x), n.held(s.name, onnx.Float32, s.dims, []int64{l.In}, l.times()))
	x = n.Op("Clip", []onnx.Value{to(to(x, onnx.BFloat16), onnx.Float32), n.Builder.Float(-most), n.Builder.Float(most)})
	x = n.Mul(to(to(x, onnx.Float8E4M3), onnx.Float32), n.Builder.Float(s.kept))
	if n.activation() != onnx.Float32 {
		x = to(x, n.activation())
	}
	return x
}
