package main

import (
	"fmt"
	"testing"
)

// Every pair of neighbours is in one stretch at most, and the fades are where passes meet: up to the first frame that only the next
// pass has.
func TestStretchesOfContinuedClips(t *testing.T) {
	for c, want := range map[continued]string{
		{33, 17}:  "[[12 17] [24 29]] [[1 6] [18 23]]",
		{129, 33}: "[[24 33] [48 57] [72 81] [96 105]] [[1 10] [11 20] [34 43] [58 67] [82 91] [106 115] [116 125]]",
		{33, 33}:  "[] [[1 10] [11 20] [21 30]]",
	} {
		seams, inside := c.stretches()
		if got := fmt.Sprint(seams, inside); got != want {
			t.Errorf("%v: %s, want %s", c, got, want)
		}
	}
}
