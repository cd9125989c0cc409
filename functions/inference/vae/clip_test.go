package vae

import (
	"slices"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

func TestFramesAndJoin(t *testing.T) {
	clip := engine.Floats([]float32{0, 1, 2, 10, 11, 12}, 1, 2, 3, 1, 1) // two channels, three frames of one pixel
	if got := Frames(clip, 1, 3); !slices.Equal(got.Float32(), []float32{1, 2, 11, 12}) || got.Shape[2] != 2 {
		t.Errorf("frames 1 and 2: %v", got)
	}
	back, err := Join([]engine.Tensor{Frames(clip, 0, 1), Frames(clip, 1, 3)})
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
