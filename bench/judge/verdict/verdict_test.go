package verdict

import (
	"testing"

	"github.com/videosdgx/videosdgx/bench/judge/shapes"
)

// Clips that show exactly what was asked for must be found right, and the same clips wrong against other requests.
func TestGroundTruth(t *testing.T) {
	r, n := shapes.Rand(1), 80
	var right, chance [3]int
	for range n {
		s, other := shapes.Draw(r), shapes.Draw(r)
		other.Background = s.Background // so that the shape itself is found
		c := shapes.Render(s, r, 17, 128)
		count(&right, Judge(c, s))
		count(&chance, Judge(c, other))
	}
	t.Logf("of %d: colour, motion, background right %v, against another request %v", n, right, chance)
	if right[0] < n*97/100 || right[1] < n*93/100 || right[2] != n {
		t.Errorf("the truth is found wrong: %v of %d", right, n)
	}
	if chance[0] > n/3 || chance[1] > n/2 {
		t.Errorf("another request is found right: %v of %d", chance, n)
	}
}

func count(sum *[3]int, v Verdict) {
	for i, ok := range []bool{v.Color, v.Motion, v.Background} {
		if ok {
			sum[i]++
		}
	}
}

func TestAnEmptyClipShowsNothing(t *testing.T) {
	s := shapes.Spec{Color: "red", Shape: "circle", Motion: "standing still", Background: "black"}
	c := &shapes.Clip{Frames: 3, Height: 32, Width: 32, Pix: make([]float64, 3*32*32*3)}
	if v := Judge(c, s); v != (Verdict{}) {
		t.Errorf("%+v", v)
	}
	if v := Judge(&shapes.Clip{}, s); v != (Verdict{}) {
		t.Errorf("%+v", v)
	}
}

func TestEveryMotionIsTold(t *testing.T) {
	r := shapes.Rand(3)
	for _, motion := range shapes.Motions {
		s := shapes.Spec{Color: "white", Shape: "circle", Motion: motion, Background: "navy", Speed: ""}
		c := shapes.Render(s, r, 33, 64)
		for _, other := range shapes.Motions {
			s.Motion = other
			got := Judge(c, s).Motion
			if other == motion && !got {
				t.Errorf("%s is not found", motion)
			}
			if got && opposite[motion] == other {
				t.Errorf("%s passes as %s", motion, other)
			}
		}
	}
}

var opposite = map[string]string{"moving left": "moving right", "moving right": "moving left", "moving up": "moving down", "moving down": "moving up",
	"growing": "shrinking", "shrinking": "growing"}
