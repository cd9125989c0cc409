package ltx2

import "github.com/videosdgx/videosdgx/functions/inference/engine"

// The transformer sees latents as rows, one for each point of the video and for each moment of sound. VAEs have their channels
// outermost.

// packed turns latents [1, channels, …points] into rows [points, channels].
func packed(z engine.Tensor) []float32 {
	return turned(z.Float32(), int(z.Shape[1]))
}

// unpacked is the other way, for a grid of points.
func unpacked(rows []float32, frames, height, width int64) engine.Tensor {
	points := frames * height * width
	return engine.Floats(turned(rows, int(points)), 1, int64(len(rows))/points, frames, height, width)
}

// turned is the transpose of a matrix of so many rows.
func turned(v []float32, rows int) []float32 {
	out, columns := make([]float32, len(v)), len(v)/rows
	for r := range rows {
		for c := range columns {
			out[c*rows+r] = v[r*columns+c]
		}
	}
	return out
}

// packedSound turns latents of sound [1, channels, moments, bins] into rows [moments, channels·bins].
func packedSound(z engine.Tensor) []float32 { return regrouped(z.Float32(), z.Shape[1], z.Shape[2]) }

// unpackedSound is the other way.
func unpackedSound(rows []float32, moments, channels int64) engine.Tensor {
	v := regrouped(rows, moments, channels)
	return engine.Floats(v, 1, channels, moments, int64(len(v))/channels/moments)
}

// regrouped swaps the two outer of three axes [a, b, rest].
func regrouped(v []float32, a, b int64) []float32 {
	out := make([]float32, 0, len(v))
	rest := int64(len(v)) / a / b
	for j := range b {
		for i := range a {
			at := (i*b + j) * rest
			out = append(out, v[at:at+rest]...)
		}
	}
	return out
}
