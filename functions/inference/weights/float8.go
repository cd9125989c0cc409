package weights

import "math"

// The small floating-point formats as tables of their values, by code.
var (
	e4m3 = table8(4, 7, false)
	e5m2 = table8(5, 15, true)
	e8m0 = tableE8M0()
	e2m1 = [16]float32{0, 0.5, 1, 1.5, 2, 3, 4, 6, float32(math.Copysign(0, -1)), -0.5, -1, -1.5, -2, -3, -4, -6}
)

// table8 lists an 8-bit format with the given exponent width and bias. With ieee, the highest exponent holds infinities
// and NaNs; without, only the all-ones code is NaN (OCP E4M3).
func table8(expBits, bias int, ieee bool) (t [256]float32) {
	manBits := 7 - expBits
	top := 1<<expBits - 1
	for c := range t {
		exp, man := c>>manBits&top, c&(1<<manBits-1)
		t[c] = float32(value8(exp, man, manBits, bias))
		if exp == top && ieee {
			t[c] = float32(math.Inf(1))
		}
		if exp == top && (ieee && man != 0 || !ieee && man == 1<<manBits-1) {
			t[c] = float32(math.NaN())
		}
		if c > 127 {
			t[c] = float32(math.Copysign(float64(t[c]), -1))
		}
	}
	return t
}

func value8(exp, man, manBits, bias int) float64 {
	if exp == 0 {
		return math.Ldexp(float64(man), 1-bias-manBits)
	}
	return math.Ldexp(float64(man|1<<manBits), exp-bias-manBits)
}

func tableE8M0() (t [256]float32) {
	for c := range t {
		t[c] = float32(math.Ldexp(1, c-127))
	}
	t[255] = float32(math.NaN())
	return t
}

// encode8 is the code of the value nearest to v (ties to the even code), saturating at the largest finite value.
func encode8(t *[256]float32, finite int, v float32) byte {
	sign := byte(0)
	if math.Signbit(float64(v)) {
		sign = 128
	}
	if v != v {
		return sign | 127
	}
	a := float32(math.Abs(float64(v)))
	lo, hi := 0, finite
	for lo < hi { // the first code whose value is ≥ a
		if mid := (lo + hi) / 2; t[mid] < a {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo > 0 && t[lo] > a {
		below, above := a-t[lo-1], t[lo]-a
		if below < above || below == above && lo&1 == 1 {
			lo--
		}
	}
	return sign | byte(lo)
}
