package noise

import (
	"math"
	"slices"
	"testing"
)

// The known-answer vectors of the reference implementation (Random123, kat_vectors, philox4x32 10).
func TestPhiloxKnownAnswers(t *testing.T) {
	ones := uint32(0xffffffff)
	for _, c := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{ones, ones, ones, ones}, [2]uint32{ones, ones}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0}, [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := philox(c.counter, c.key); got != c.want {
			t.Errorf("philox(%x, %x) = %x, want %x", c.counter, c.key, got, c.want)
		}
	}
}

func TestNormal(t *testing.T) {
	const n = 200_001
	v := Normal(7, n)
	if !slices.Equal(v[:1000], Normal(7, 1000)) {
		t.Error("the same seed gives other values")
	}
	if slices.Equal(v[:8], Normal(8, 8)) {
		t.Error("another seed gives the same values")
	}
	var sum, squares, fourth float64
	for _, x := range v {
		x := float64(x)
		sum, squares, fourth = sum+x, squares+x*x, fourth+x*x*x*x
	}
	if len(v) != n || math.Abs(sum/n) > 0.01 || math.Abs(squares/n-1) > 0.01 || math.Abs(fourth/n-3) > 0.1 {
		t.Errorf("%d values: mean %g, variance %g, fourth moment %g", len(v), sum/n, squares/n, fourth/n)
	}
}
