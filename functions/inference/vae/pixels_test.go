package vae

import (
	"errors"
	"runtime"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// Frames are the same on any number of processors, each in its turn, and a frame that is refused is the last.
func TestFramesAreTakenApartOnAllProcessors(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, side := range [][2]int64{{1, 1}, {3, 5}, {257, 389}} {
		clip := engine.Zeros(1, 3, 2, side[0], side[1])
		v, plane := clip.Float32(), side[0]*side[1]
		for i := range v {
			v[i] = float32(i%523)/250 - 1.02 // beyond both ends, too
		}
		for _, n := range []int{1, 3, 7} {
			runtime.GOMAXPROCS(n)
			seen := int64(0)
			err := EmitFrames(clip, func(rgb []byte) error {
				for i, got := range rgb {
					if want := toByte(v[(int64(i%3)*2+seen)*plane+int64(i/3)]); got != want {
						t.Fatalf("%v, %d processors, frame %d: byte %d is %d, want %d", side, n, seen, i, got, want)
					}
				}
				seen++
				return nil
			})
			if err != nil || seen != 2 {
				t.Errorf("%d frames, %v", seen, err)
			}
		}
		full, calls := errors.New("full"), 0
		if err := EmitFrames(clip, func([]byte) error { calls++; return full }); !errors.Is(err, full) || calls != 1 {
			t.Errorf("%v after %d frames", err, calls)
		}
	}
}
