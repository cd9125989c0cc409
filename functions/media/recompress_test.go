package media

import (
	"context"
	"testing"

	"github.com/containerd/errdefs"
)

// The worse the quality, the further a picture is from what it was; the size stays.
func TestRecompressedPicturesLoseDetail(t *testing.T) {
	img := RGB{Pix: make([]byte, 64*48*3), Width: 64, Height: 48}
	for i := range img.Pix {
		img.Pix[i] = byte(i*7 + i/300*31)
	}
	before := 0.0
	for _, crf := range []int{1, 33, 51} {
		got, err := Recompressed(context.Background(), img, crf)
		if err != nil || got.Width != 64 || got.Height != 48 || len(got.Pix) != len(img.Pix) {
			t.Fatalf("%d×%d, %v", got.Width, got.Height, err)
		}
		off := 0.0
		for i, v := range got.Pix {
			d := float64(v) - float64(img.Pix[i])
			off += d * d
		}
		if off <= before {
			t.Errorf("at %d the picture is off by %g, at less by %g", crf, off, before)
		}
		before = off
	}
	for _, bad := range []RGB{{Width: 3, Height: 2}, {}} {
		if _, err := Recompressed(context.Background(), bad, 33); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
