package hear

import (
	"testing"

	"github.com/videosdgx/videosdgx/bench/judge/shapes"
)

// Clips that sound exactly as was asked for are found right, and wrong where something else was asked for.
func TestGroundTruth(t *testing.T) {
	r := shapes.Rand(11)
	const n = 16
	for i := range n {
		s := shapes.DrawSounding(r)
		if i%4 == 0 {
			s.Motion = "bouncing"
		}
		c, w := shapes.RenderSounding(s, r, 33, 96)
		v := Judge(c, w, s)
		if !v.Silence || v.HasPitch != !s.Silent() || v.HasPitch && !v.Pitch || !v.Onset || v.HasLoudness && !v.Loudness {
			t.Errorf("%+v is found %+v; %v", s, v, Clicks(w))
		}
		other := s
		if other.Sound = "silent"; s.Silent() {
			other.Sound = "with a low hum"
		}
		if v := Judge(c, w, other); v.Silence || v.Pitch {
			t.Errorf("%+v passes as %+v: %+v", s, other, v)
		}
	}
}

// Every pitch passes as itself alone.
func TestPitchesAreTold(t *testing.T) {
	r := shapes.Rand(12)
	for shape := range shapes.Pitches {
		s := shapes.Spec{Color: "red", Shape: shape, Motion: "standing still", Background: "navy"}
		c, w := shapes.RenderSounding(s, r, 33, 96)
		for other := range shapes.Pitches {
			s.Shape = other
			if got := Judge(c, w, s).Pitch; got != (other == shape) {
				t.Errorf("a %s as a %s: %v", shape, other, got)
			}
		}
	}
}

// A click that is a fifth of a second late is not the bounce's.
func TestLateClicksAreNoBounces(t *testing.T) {
	r, late := shapes.Rand(13), 0
	s := shapes.Spec{Color: "white", Shape: "circle", Motion: "bouncing", Background: "black", Speed: "slowly"}
	for range 8 {
		c, w := shapes.RenderSounding(s, r, 33, 96)
		if !Judge(c, w, s).Onset {
			t.Error("a bounce is not found")
		}
		moved := append(make(shapes.Wave, shapes.SampleRate/5), w...)[:len(w)]
		if !Judge(c, moved, s).Onset {
			late++
		}
		if Judge(c, make(shapes.Wave, len(w)), s).Onset {
			t.Error("silence passes as a bounce")
		}
	}
	if late < 6 {
		t.Errorf("%d of 8 late ones are told", late)
	}
}

func TestNothingIsHeardInNothing(t *testing.T) {
	s := shapes.Spec{Color: "red", Shape: "circle", Motion: "growing", Background: "black"}
	if v := Judge(&shapes.Clip{}, nil, s); v.Pitch || v.Silence || v.Loudness {
		t.Errorf("%+v", v)
	}
}
