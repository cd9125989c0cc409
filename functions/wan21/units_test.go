package wan21

import (
	"slices"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

func TestPatchesHaveTheOrderOfTheConvolution(t *testing.T) {
	// One channel, one frame, 2 × 4 pixels; patches of 2 × 2.
	got := patchify([]float32{0, 1, 2, 3, 4, 5, 6, 7}, 1, 1, 2, 4, []int64{1, 2, 2})
	if want := []float32{0, 1, 4, 5, 2, 3, 6, 7}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// The way back has channels innermost: two channels, one patch of 1 × 2 pixels in each row.
	back := unpatchify([]float32{0, 10, 1, 11, 2, 12, 3, 13}, 2, 1, 1, 4, []int64{1, 1, 2})
	if want := []float32{0, 1, 2, 3, 10, 11, 12, 13}; !slices.Equal(back, want) {
		t.Errorf("back: %v, want %v", back, want)
	}
}

func TestFramesAndJoin(t *testing.T) {
	clip := engine.Floats([]float32{0, 1, 2, 10, 11, 12}, 1, 2, 3, 1, 1) // two channels, three frames of one pixel
	if got := frames(clip, 1, 3); !slices.Equal(got.Float32(), []float32{1, 2, 11, 12}) || got.Shape[2] != 2 {
		t.Errorf("frames 1 and 2: %v", got)
	}
	back, err := join([]engine.Tensor{frames(clip, 0, 1), frames(clip, 1, 3)})
	if err != nil || !slices.Equal(back.Float32(), clip.Float32()) || !slices.Equal(back.Shape, clip.Shape) {
		t.Errorf("joined: %v, %v", back, err)
	}
}

func TestToByte(t *testing.T) {
	for x, want := range map[float32]byte{-1: 0, -2: 0, 1: 255, 3: 255, 0: 128, -1 + 1/127.5: 1} {
		if got := toByte(x); got != want {
			t.Errorf("toByte(%g) = %d, want %d", x, got, want)
		}
	}
}
