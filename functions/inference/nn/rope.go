package nn

import "math"

// RotaryAxis is one axis of a rotary position embedding: Dim is its share of the head (even), Size the number of positions.
type RotaryAxis struct{ Dim, Size int64 }

// RotaryTables are the cosines and sines of every position of a grid, axes[0] outermost, each row the shares of the axes
// one after another: [∏ sizes, Σ dims/2]. Angles are position·theta^(−2i/dim) in float64, rounded to float32 at the end.
func RotaryTables(theta float64, axes ...RotaryAxis) (cos, sin []float32) {
	rows, width := int64(1), int64(0)
	for _, a := range axes {
		rows, width = rows*a.Size, width+a.Dim/2
	}
	cos, sin = make([]float32, 0, rows*width), make([]float32, 0, rows*width)
	at := make([]int64, len(axes))
	for range rows {
		for i, a := range axes {
			cos, sin = appendAngles(cos, sin, theta, a.Dim, at[i])
		}
		next(at, axes)
	}
	return cos, sin
}

func appendAngles(cos, sin []float32, theta float64, dim, pos int64) ([]float32, []float32) {
	for i := int64(0); i < dim; i += 2 {
		angle := float64(pos) / math.Pow(theta, float64(i)/float64(dim))
		cos, sin = append(cos, float32(math.Cos(angle))), append(sin, float32(math.Sin(angle)))
	}
	return cos, sin
}

// next counts up the position, last axis fastest.
func next(at []int64, axes []RotaryAxis) {
	for i := len(at) - 1; i >= 0; i-- {
		if at[i]++; at[i] < axes[i].Size {
			return
		}
		at[i] = 0
	}
}

// Sinusoid is the timestep embedding of diffusers with flip_sin_to_cos and no frequency shift: dim/2 cosines of
// t·exp(−ln(10000)·i/(dim/2)), then as many sines. Frequencies are rounded to float32 before the product, as there.
func Sinusoid(t float32, dim int64) []float32 { return ScaledSinusoid(t, dim, 1) }

// ScaledSinusoid is Sinusoid of scale·t, where the reference scales the product of t and the frequency: in float32 that order
// decides the angle's last bits.
func ScaledSinusoid(t float32, dim int64, scale float32) []float32 {
	half := dim / 2
	out := make([]float32, dim)
	for i := range half {
		freq := float32(math.Exp(float64(float32(float32(-math.Log(10000))*float32(i)) / float32(half))))
		angle := float64(float32(t*freq) * scale)
		out[i], out[half+i] = float32(math.Cos(angle)), float32(math.Sin(angle))
	}
	return out
}
