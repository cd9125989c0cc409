package schedule

import "math"

// interval holds the coefficients of one step from σ_i to σ_{i+1}, with α = 1 − σ, λ = ln α − ln σ, h = λ_{i+1} − λ_i.
// Everything is float32, as the reference's scalars are tensors of that type.
type interval struct {
	ratio    float32    // σ_{i+1} / σ_i
	alphaPhi float32    // α_{i+1} · φ₁, φ₁ = e^{−h} − 1
	alphaB   float32    // α_{i+1} · B(h)
	b        [2]float32 // right side of the corrector's system
}

func (u *UniPC) interval(i int) interval {
	from, to := u.sigmas[i], u.sigmas[i+1]
	alpha := 1 - to
	hh := -(lambda(to) - lambda(from))
	phi1 := expm1(hh)
	bh := phi1
	if u.c.SolverType == "bh1" {
		bh = hh
	}
	s := interval{ratio: to / from, alphaPhi: alpha * phi1, alphaB: alpha * bh}
	phi2 := phi1/hh - 1
	s.b[0] = phi2 / bh
	phi3 := phi2/hh - 0.5
	s.b[1] = phi3 * 2 / bh
	return s
}

// lambda is half the log of the signal-to-noise ratio; +∞ at σ = 0.
func lambda(sigma float32) float32 {
	return float32(math.Log(float64(1-sigma))) - float32(math.Log(float64(sigma)))
}

func expm1(x float32) float32 { return float32(math.Expm1(float64(x))) }
