// Package accept decides whether a plan may serve: it runs what another engine ran and compares. It also measures the ranges
// by which TensorRT 8 quantizes to INT8. It knows engines by their interface alone.
package accept

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Verdict is how far a plan's results are from what they should be.
type Verdict struct {
	Worst  float64 `json:"worst"`  // greatest difference, of the largest value expected in that output
	Output string  `json:"output"` // where it is
	Bound  float64 `json:"bound"`  // that was allowed
	Runs   int     `json:"runs"`
}

// OK says whether the plan may serve.
func (v Verdict) OK() bool { return v.Runs > 0 && v.Worst <= v.Bound }

// String is "0.0031 of the largest value of sample (0.02 is allowed)".
func (v Verdict) String() string {
	return fmt.Sprintf("%.3g of the largest value of %s (%.3g is allowed)", v.Worst, v.Output, v.Bound)
}

// bounds are what a format's own arithmetic accounts for in one graph, of the largest value: half precision between the nodes,
// and codes of eight bits on both sides of a product.
var bounds = map[string]float64{"none": 2e-2, "bf16": 2e-2, "fp16": 2e-2, "nvfp4": 5e-2, "int4": 5e-2, "nf4": 5e-2, "fp8": 1e-1, "int8": 1e-1}

// Bound is what may be allowed for a bundle's precision; that of half precision for one that is not known.
func Bound(precision string) float64 {
	if b, ok := bounds[precision]; ok {
		return b
	}
	return bounds["bf16"]
}

// Compare runs a session on what was captured of another engine. Nothing captured is FailedPrecondition: what was not compared
// is not accepted.
func Compare(ctx context.Context, s engine.Session, captured []record.Capture, bound float64) (Verdict, error) {
	v := Verdict{Bound: bound}
	if len(captured) == 0 {
		return v, fmt.Errorf("no run of the other engine was captured to compare with: %w", errdefs.ErrFailedPrecondition)
	}
	for _, c := range captured {
		in, err := fit(c.Inputs, s.Inputs())
		if err != nil {
			return v, err
		}
		out, err := s.Run(ctx, in)
		if err != nil {
			return v, err
		}
		for name, want := range c.Outputs {
			d, err := distance(out, name, want)
			if err != nil {
				out.Close()
				return v, err
			}
			if v.Output == "" || !(d <= v.Worst) {
				v.Worst, v.Output = d, name
			}
		}
		out.Close()
		v.Runs++
	}
	return v, nil
}

// fit gives a plan's inputs the types and the form that it takes: what one engine keeps in float32 between two runs, the other
// keeps in BF16; where one keeps channels innermost, the other keeps them in front.
func fit(in engine.Values, takes []engine.Info) (engine.Values, error) {
	out := maps.Clone(in)
	for _, i := range takes {
		v := in[i.Name]
		if v == nil || i.Type != onnx.BFloat16 && i.Type != onnx.Float32 {
			continue
		}
		t, err := v.Host()
		if err != nil {
			return nil, err
		}
		f, ok := Floats(t)
		if to := Form(t.Shape, i.Shape); ok && !slices.Equal(to, t.Shape) {
			f, t.Shape = forward(f, t.Shape), to
		} else if v.Type() == i.Type {
			continue
		}
		if ok {
			out[i.Name] = engine.Floats(f, t.Shape...)
			if i.Type == onnx.BFloat16 {
				out[i.Name] = engine.Tensor{Shape: t.Shape, Data: rounded(f)}
			}
		}
	}
	return out, nil
}

// rounded is float32 as BF16, to nearest even.
func rounded(f []float32) []engine.BFloat16 {
	out := make([]engine.BFloat16, len(f))
	for i, x := range f {
		b := math.Float32bits(x)
		out[i] = engine.BFloat16((b + 0x7fff + b>>16&1) >> 16)
	}
	return out
}

// distance is the greatest difference of an output, of the largest value expected; infinite where one is no number.
func distance(out engine.Values, name string, want engine.Value) (float64, error) {
	got, err := out.Tensor(name)
	if err != nil {
		return 0, err
	}
	w, err := want.Host()
	if err != nil {
		return 0, err
	}
	g, ok := Floats(got)
	e, okToo := Floats(w)
	if to := Form(w.Shape, got.Shape); okToo && !slices.Equal(to, w.Shape) {
		e = forward(e, w.Shape)
	}
	if !ok || !okToo || len(g) != len(e) {
		return 0, fmt.Errorf("output %s is %v of %T, %v of %T were expected: %w", name, got.Shape, got.Data, w.Shape, w.Data, errdefs.ErrInvalidArgument)
	}
	off, most := 0.0, 0.0
	for i := range e {
		d := math.Abs(float64(g[i]) - float64(e[i]))
		if math.IsNaN(d) {
			return math.Inf(1), nil
		}
		off, most = max(off, d), max(most, math.Abs(float64(e[i])))
	}
	if off == 0 {
		return 0, nil
	}
	return off / most, nil // all zero expected: infinite
}

// Floats is a tensor's content as float32, whichever floating-point type of 16 or 32 bits it has.
func Floats(t engine.Tensor) ([]float32, bool) {
	switch d := t.Data.(type) {
	case []float32:
		return d, true
	case []engine.BFloat16:
		out := make([]float32, len(d))
		for i, b := range d {
			out[i] = math.Float32frombits(uint32(b) << 16)
		}
		return out, true
	case []engine.Float16:
		out := make([]float32, len(d))
		for i, b := range d {
			out[i] = half(uint16(b))
		}
		return out, true
	}
	return nil, false
}

// half is a float of 16 bits: sign, five bits of exponent, ten of mantissa.
func half(b uint16) float32 {
	sign, exponent, mantissa := float64(1), int(b>>10&31), float64(b&1023)
	if b>>15 == 1 {
		sign = -1
	}
	switch exponent {
	case 0:
		return float32(sign * math.Ldexp(mantissa, -24))
	case 31:
		if mantissa != 0 {
			return float32(math.NaN())
		}
		return float32(sign * math.Inf(1))
	}
	return float32(sign * math.Ldexp(1024+mantissa, exponent-25))
}
