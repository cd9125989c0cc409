package ltx2

import "math"

// adaIN gives every channel of latents [channels, points] the mean and spread of the same channel of another clip, and goes the
// part factor of the way there (adain_filter_latent).
func adaIN(latents, like []float32, channels int, factor float64) []float32 {
	out := make([]float32, len(latents))
	n, m := len(latents)/channels, len(like)/channels
	for c := range channels {
		x := latents[c*n : (c+1)*n]
		mean, spread := moments(x)
		toMean, toSpread := moments(like[c*m : (c+1)*m])
		for i, v := range x {
			moved := (float64(v)-mean)/spread*toSpread + toMean
			out[c*n+i] = float32(float64(v) + factor*(moved-float64(v)))
		}
	}
	return out
}

// moments are the mean and the standard deviation with n−1.
func moments(v []float32) (mean, spread float64) {
	for _, x := range v {
		mean += float64(x)
	}
	mean /= float64(len(v))
	for _, x := range v {
		spread += (float64(x) - mean) * (float64(x) - mean)
	}
	return mean, math.Sqrt(spread / float64(len(v)-1))
}

// toneMap takes large latents back by up to 0.6 of themselves: compression 0 changes nothing, 1 is the most (tone_map_latents).
func toneMap(latents []float32, compression float64) []float32 {
	scale := compression * 0.75
	out := make([]float32, len(latents))
	for i, v := range latents {
		s := 1 / (1 + math.Exp(-4*scale*(math.Abs(float64(v))-1)))
		out[i] = float32(float64(v) * (1 - 0.8*scale*s))
	}
	return out
}
