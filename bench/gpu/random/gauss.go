package random

import (
	"math/rand/v2"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// Gauss is a tensor of normal numbers.
func Gauss(r *rand.Rand, shape ...int64) engine.Tensor {
	t := engine.Zeros(shape...)
	for i := range t.Float32() {
		t.Float32()[i] = float32(r.NormFloat64())
	}
	return t
}
