package patch

import (
	"slices"
	"testing"
)

func TestPatchesHaveTheOrderOfTheConvolution(t *testing.T) {
	// One channel, one frame, 2 × 4 pixels; patches of 2 × 2.
	got := Cut([]float32{0, 1, 2, 3, 4, 5, 6, 7}, 1, 1, 2, 4, []int64{1, 2, 2})
	if want := []float32{0, 1, 4, 5, 2, 3, 6, 7}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// The way back has channels innermost: two channels, one patch of 1 × 2 pixels in each row.
	back := Join([]float32{0, 10, 1, 11, 2, 12, 3, 13}, 2, 1, 1, 4, []int64{1, 1, 2})
	if want := []float32{0, 1, 2, 3, 10, 11, 12, 13}; !slices.Equal(back, want) {
		t.Errorf("back: %v, want %v", back, want)
	}
}
