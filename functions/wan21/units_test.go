package wan21

import (
	"image"
	"image/color"
	"math"
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

func TestResize(t *testing.T) {
	img := image.NewRGBA(image.Rect(3, 5, 3+64, 5+32)) // bounds that do not start at zero
	for y := range 32 {
		for x := range 64 {
			img.SetRGBA(3+x, 5+y, color.RGBA{uint8(4 * x), uint8(8 * y), 100, 255})
		}
	}
	for _, f := range []filter{lanczos, bicubic} {
		same := resize(img, 64, 32, f)
		if !slices.Equal(same.Pix, img.Pix) {
			t.Error("the same size gives other pixels")
		}
		small := resize(img, 16, 8, f)
		if b := small.Bounds(); b.Dx() != 16 || b.Dy() != 8 {
			t.Fatalf("16 × 8 gives %v", b)
		}
		c := small.RGBAAt(8, 4) // the mean of columns 32…35 and rows 16…19
		if math.Abs(float64(c.R)-134) > 2 || math.Abs(float64(c.G)-140) > 2 || c.B != 100 || c.A != 255 {
			t.Errorf("the middle is %v", c)
		}
		if big := resize(small, 64, 32, f).RGBAAt(32, 16); math.Abs(float64(big.B)-100) > 1 {
			t.Errorf("a constant channel becomes %v", big)
		}
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
