// Package noise makes the same Gaussian noise from the same seed on every machine and in every version: Philox4x32-10
// (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) and Box–Muller in float64. It does not depend
// on math/rand, whose streams may change, and is not PyTorch's: a seed gives another clip there.
package noise

import "math"

const (
	multiplier0, multiplier1 = 0xD2511F53, 0xCD9E8D57
	weyl0, weyl1             = 0x9E3779B9, 0xBB67AE85
	rounds                   = 10
)

// Normal is n values of mean 0 and variance 1. Four values come from one block: two pairs of uniforms in (0, 1] and [0, 1).
func Normal(seed uint64, n int) []float32 {
	out := make([]float32, 0, n+3)
	for block := uint64(0); len(out) < n; block++ {
		u := philox([4]uint32{uint32(block), uint32(block >> 32)}, [2]uint32{uint32(seed), uint32(seed >> 32)})
		out = pair(out, u[0], u[1])
		out = pair(out, u[2], u[3])
	}
	return out[:n]
}

func pair(out []float32, a, b uint32) []float32 {
	radius := math.Sqrt(-2 * math.Log((float64(a)+1)/(1<<32)))
	sin, cos := math.Sincos(2 * math.Pi * float64(b) / (1 << 32))
	return append(out, float32(radius*cos), float32(radius*sin))
}

func philox(c [4]uint32, k [2]uint32) [4]uint32 {
	for range rounds {
		p, q := uint64(multiplier0)*uint64(c[0]), uint64(multiplier1)*uint64(c[2])
		c = [4]uint32{uint32(q>>32) ^ c[1] ^ k[0], uint32(q), uint32(p>>32) ^ c[3] ^ k[1], uint32(p)}
		k[0], k[1] = k[0]+weyl0, k[1]+weyl1
	}
	return c
}
