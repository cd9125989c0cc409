package magi1

import (
	"math"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// rotary are the cosines and sines of a chunk's tokens, [1, frames·rows·columns, 3·bands]: frames count from the clip's begin,
// rows and columns from the middle, stretched as if the picture had 256 patches.
func rotary(bands []float32, first, frames, rows, columns int64) (cos, sin engine.Tensor) {
	scale := math.Sqrt(float64(rows*columns) / 256)
	y, x := centred(rows, scale), centred(columns, scale)
	shape := []int64{1, frames * rows * columns, 3 * int64(len(bands))}
	co, si := make([]float32, 0, engine.Elements(shape)), make([]float32, 0, engine.Elements(shape))
	turn := func(at float32) {
		for _, b := range bands {
			s, c := math.Sincos(float64(at * b))
			co, si = append(co, float32(c)), append(si, float32(s))
		}
	}
	for t := range frames {
		for _, row := range y {
			for _, column := range x {
				turn(float32(first + t))
				turn(row)
				turn(column)
			}
		}
	}
	return engine.Floats(co, shape...), engine.Floats(si, shape...)
}

// centred are positions around zero whose ends lie where those of n/scale positions would, each operation in float32 as the
// published code does it.
func centred(n int64, scale float64) []float32 {
	out := make([]float32, n)
	for i := range out {
		v := float32(i) - float32(float64(n-1)/2)
		if n > 1 {
			v = float32(v/float32(n-1)) * float32(float64(n)/scale-1)
		}
		out[i] = v
	}
	return out
}
