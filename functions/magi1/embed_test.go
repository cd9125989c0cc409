package magi1

import (
	"math"
	"testing"
)

// TestAPromptAsAVector: the hidden states' mean, of length 1, the same for the same words and another one for others.
func TestAPromptAsAVector(t *testing.T) {
	p := openTiny(t)
	embed := p.embed
	var all [3][]float32
	for i, text := range []string{"a red circle", " a red circle ", "two blue boats at night"} {
		v, err := embed(t.Context(), text)
		if err != nil {
			t.Fatal(err)
		}
		all[i] = v
	}
	alike := func(a, b []float32) (sum float64) {
		for i := range a {
			sum += float64(a[i]) * float64(b[i])
		}
		return sum
	}
	if got := alike(all[0], all[1]); math.Abs(got-1) > 1e-5 {
		t.Errorf("the same words are alike by %v", got)
	}
	if got := alike(all[0], all[2]); got > 0.9999 || len(all[2]) != len(all[0]) {
		t.Errorf("other words are alike by %v, with %d and %d values", got, len(all[0]), len(all[2]))
	}
}
