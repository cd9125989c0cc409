package vae

import (
	"testing"

	"github.com/containerd/errdefs"
)

func TestTilesAreChecked(t *testing.T) {
	for _, bad := range []Tiling{{}, {256, 256, 0, 192}, {256, 252, 192, 192}, {256, 256, 320, 192}} {
		if err := bad.Validate(8); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if err := published.Validate(8); err != nil {
		t.Error(err)
	}
}

// The published decoder at 480 × 832: what does not fit is tiled, what fits or has no limit is not.
func TestTilingSwitchesItselfOn(t *testing.T) {
	c := Config{}.WithDefaults()
	whole, err := DecodePeak(c, 480, 832)
	if err != nil {
		t.Fatal(err)
	}
	tile, err := DecodePeak(c, 256, 256)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the whole takes %.2f GB, a tile %.2f GB", float64(whole)/1e9, float64(tile)/1e9)
	if tile*5 > whole {
		t.Errorf("a tile takes %d bytes, the whole %d", tile, whole)
	}
	for memory, want := range map[int64]bool{0: false, whole: false, whole - 1: true} {
		got, err := Fit(c, 480, 832, memory)
		if err != nil || (got != nil) != want {
			t.Errorf("%d bytes: %+v, %v", memory, got, err)
		}
	}
	if got, err := Fit(c, 256, 256, 1); got != nil || err != nil {
		t.Errorf("a picture of one tile: %+v, %v", got, err)
	}
}
