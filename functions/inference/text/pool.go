package text

import "math"

// Pool gives hidden states of tokens, [tokens, dim] one after the other, as one vector of length 1: their mean, scaled. States that
// cancel each other out, or none, give zeros.
func Pool(states []float32, dim int) []float32 {
	sum := make([]float64, dim)
	for i, v := range states {
		sum[i%dim] += float64(v)
	}
	norm := 0.0
	for _, v := range sum {
		norm += v * v
	}
	out := make([]float32, dim)
	if norm = math.Sqrt(norm); norm > 0 {
		for i, v := range sum {
			out[i] = float32(v / norm)
		}
	}
	return out
}
