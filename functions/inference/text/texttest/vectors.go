// Package texttest holds what the vectors of every model's texts have to be.
package texttest

import (
	"context"
	"math"
	"testing"
)

// Alike is how alike two vectors of length 1 are.
func Alike(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// Vectors wants the same words to have the same vector, of length 1, and others another one.
func Vectors(t *testing.T, embed func(ctx context.Context, prompt string) ([]float32, error)) {
	t.Helper()
	var all [3][]float32
	for i, text := range []string{"a red circle", " a red circle ", "two blue boats at night"} {
		v, err := embed(t.Context(), text)
		if err != nil {
			t.Fatal(err)
		}
		all[i] = v
	}
	if got := Alike(all[0], all[1]); math.Abs(got-1) > 1e-5 {
		t.Errorf("the same words are alike by %v", got)
	}
	if got := Alike(all[0], all[2]); got > 0.9999 || len(all[2]) != len(all[0]) {
		t.Errorf("other words are alike by %v, with %d and %d values", got, len(all[0]), len(all[2]))
	}
}
