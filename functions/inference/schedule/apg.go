package schedule

import "math"

// APG is adaptive projected guidance (Sadat, Hilliges, Weber, 2024): of the step from the unconditional to the conditional
// prediction of the clean sample only the part that is orthogonal to the conditional one is taken in full, that along it, which
// oversaturates, by Eta, and the whole is shortened to Norm where it is longer.
type APG struct {
	Scale float64 // of guidance; 1 is none
	Eta   float64 // of the parallel part, 0 to 1
	Norm  float64 // the longest step, 0: any
}

// Guide writes the guided prediction of clean samples to cond. Norms and projections are of groups of values: value i belongs to
// the group group(i), of groups.
func (a APG) Guide(cond, uncond []float64, groups int, group func(i int) int) {
	diff, length, along, own := make([]float64, len(cond)), make([]float64, groups), make([]float64, groups), make([]float64, groups)
	for i, c := range cond {
		g := group(i)
		diff[i] = c - uncond[i]
		length[g] += diff[i] * diff[i]
		along[g] += diff[i] * c
		own[g] += c * c
	}
	for g := range groups {
		shorter := 1.0
		if l := math.Sqrt(length[g]); a.Norm > 0 && l > a.Norm {
			shorter = a.Norm / l
		}
		length[g] = shorter
		if own[g] > 0 {
			along[g] *= shorter / own[g] // the parallel part is this times cond
		} else {
			along[g] = 0
		}
	}
	for i, c := range cond {
		g := group(i)
		parallel := along[g] * c
		step := diff[i]*length[g] - parallel + a.Eta*parallel
		cond[i] = c + (a.Scale-1)*step
	}
}

// Velocity is the guided velocity of a sample [C, T, plane] at a noise level, from two velocities: the predictions of the clean
// sample are guided frame by frame, over channels and positions.
func (a APG) Velocity(x, cond, uncond []float32, sigma float64, frames, plane int) []float32 {
	c, u := clean(x, cond, sigma), clean(x, uncond, sigma)
	a.Guide(c, u, frames, func(i int) int { return i / plane % frames })
	out := make([]float32, len(x))
	for i := range out {
		out[i] = float32((float64(x[i]) - c[i]) / sigma)
	}
	return out
}
