package schedule

import "math"

// interval holds the coefficients of one step from σ_i to σ_{i+1}, with α = 1 − σ, λ = ln α − ln σ, h = λ_{i+1} − λ_i.
// Everything is float32, as the reference's scalars are tensors of that type.
type interval struct {
	ratio    float32               // σ_{i+1} / σ_i
	alphaPhi float32               // α_{i+1} · φ₁, φ₁ = e^{−h} − 1
	alphaB   float32               // α_{i+1} · B(h)
	b        [maxOrder]float32     // right side of the system for ρ
	r        [maxOrder - 1]float32 // (λ_{i−k} − λ_i) / h for k = 1 and more, as far as the order needs them
}

// interval is the step that starts at σ_i, for a solver of that order.
func (u *UniPC) interval(i, order int) interval {
	from, to := u.sigmas[i], u.sigmas[i+1]
	l0, alpha := lambda(from), 1-to
	h := lambda(to) - l0
	hh := -h
	phi := expm1(hh)
	bh := phi
	if u.c.SolverType == "bh1" {
		bh = hh
	}
	s := interval{ratio: to / from, alphaPhi: alpha * phi, alphaB: alpha * bh}
	factorial := float32(1)
	phi = phi/hh - 1
	for k := range s.b {
		s.b[k] = phi * factorial / bh
		factorial *= float32(k + 2)
		phi = phi/hh - 1/factorial
	}
	for k := 1; k < order; k++ {
		s.r[k-1] = (lambda(u.sigmas[i-k]) - l0) / h
	}
	return s
}

// predictor are the weights ρ of the divided differences: all but the last row and column of the corrector's system, for
// which order 2 takes a half.
func (s interval) predictor(order int) []float32 {
	if order == 2 {
		return []float32{0.5}
	}
	return solve(powers(s.r[:order-1]), s.b[:order-1])
}

// corrector are the weights ρ of the divided differences and, last, of the new prediction; for order 1 a half.
func (s interval) corrector(order int) []float32 {
	if order == 1 {
		return []float32{0.5}
	}
	return solve(powers(append(s.r[:order-1:order-1], 1)), s.b[:order])
}

// powers has r^i in row i.
func powers(r []float32) [][]float32 {
	rows := make([][]float32, len(r))
	for i := range rows {
		rows[i] = make([]float32, len(r))
		for k, v := range r {
			rows[i][k] = float32(math.Pow(float64(v), float64(i)))
		}
	}
	return rows
}

// solve is a · x = b by elimination with pivots. It uses up a.
func solve(a [][]float32, b []float32) []float32 {
	x := append([]float32(nil), b...)
	for k := range a {
		best := k
		for i := k + 1; i < len(a); i++ {
			if abs(a[i][k]) > abs(a[best][k]) {
				best = i
			}
		}
		a[k], a[best], x[k], x[best] = a[best], a[k], x[best], x[k]
		for i := k + 1; i < len(a); i++ {
			f := a[i][k] / a[k][k]
			for j := k; j < len(a); j++ {
				a[i][j] -= f * a[k][j]
			}
			x[i] -= f * x[k]
		}
	}
	for k := len(a) - 1; k >= 0; k-- {
		for j := k + 1; j < len(a); j++ {
			x[k] -= a[k][j] * x[j]
		}
		x[k] /= a[k][k]
	}
	return x
}

func abs(v float32) float32 { return float32(math.Abs(float64(v))) }

// lambda is half the log of the signal-to-noise ratio; +∞ at σ = 0.
func lambda(sigma float32) float32 {
	return float32(math.Log(float64(1-sigma))) - float32(math.Log(float64(sigma)))
}

func expm1(x float32) float32 { return float32(math.Expm1(float64(x))) }
