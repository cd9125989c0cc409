package schedule

import "math"

// Guidance steers on the prediction of the clean sample, x0 = x − σ·v, where several predictions of one step are mixed: that
// of the prompt, of its absence, of perturbed attention (spatio-temporal guidance) and of each stream by itself. Neutral are
// Scale 1, STG 0, Modality 1 and Rescale 0. Formula: diffusers' LTX2Pipeline.
type Guidance struct {
	Scale    float64 // (Scale−1)·(cond − uncond)
	STG      float64 // STG·(cond − perturbed)
	Modality float64 // (Modality−1)·(cond − isolated)
	Rescale  float64 // how far the spread goes back to that of cond, 0 to 1
}

// Predictions are velocities of one sample; those that a guidance does not use may be nil.
type Predictions struct{ Cond, Uncond, Perturbed, Isolated []float32 }

// Velocity is the guided prediction for a sample x at the noise level sigma > 0. All slices have the same length, which is one
// row of a batch: the spread is that of the whole.
func (g Guidance) Velocity(x []float32, sigma float64, p Predictions) []float32 {
	cond := clean(x, p.Cond, sigma)
	mixed := make([]float64, len(cond))
	copy(mixed, cond)
	for _, term := range []struct {
		weight float64
		v      []float32
	}{{g.Scale - 1, p.Uncond}, {g.STG, p.Perturbed}, {g.Modality - 1, p.Isolated}} {
		if term.weight == 0 || term.v == nil {
			continue
		}
		for i, other := range clean(x, term.v, sigma) {
			mixed[i] += term.weight * (cond[i] - other)
		}
	}
	if g.Rescale > 0 {
		back := g.Rescale*spread(cond)/spread(mixed) + 1 - g.Rescale
		for i := range mixed {
			mixed[i] *= back
		}
	}
	out := make([]float32, len(x))
	for i := range out {
		out[i] = float32((float64(x[i]) - mixed[i]) / sigma)
	}
	return out
}

func clean(x, v []float32, sigma float64) []float64 {
	out := make([]float64, len(x))
	for i := range out {
		out[i] = float64(x[i]) - sigma*float64(v[i])
	}
	return out
}

// spread is the standard deviation with n−1.
func spread(v []float64) float64 {
	mean, sum := 0.0, 0.0
	for _, x := range v {
		mean += x
	}
	mean /= float64(len(v))
	for _, x := range v {
		sum += (x - mean) * (x - mean)
	}
	return math.Sqrt(sum / float64(len(v)-1))
}
