package shapes

import (
	"math"
	"math/rand/v2"
	"strings"
)

// What the LTX-2 demo's clips sound like; it follows images/demo/training/clips.py.
var (
	// Pitches are those of shapes in Hz, where the prompt names no other sound.
	Pitches = map[string]float64{"square": 200, "triangle": 300, "circle": 400, "ring": 600, "star": 800}
	// Sounds are what a prompt may name; the first stands for naming none.
	Sounds = []string{"", "with a high beep", "with a low hum", "silent"}
)

const (
	beep, hum = 1200, 100 // Hz
	// Click is the frequency of the click at a bounce, in Hz.
	Click = 5000
	// SampleRate and FPS are those of the demo's clips; HopsPerSecond is how finely clicks are placed.
	SampleRate    = 16000
	FPS           = 16
	HopsPerSecond = 100
)

var soundingRadii = map[string]float64{"small": .20, "": .29, "big": .40}

// DrawSounding draws a spec with a sound: two in five name one.
func DrawSounding(r *rand.Rand) Spec {
	s := Draw(r)
	if r.Float64() < .4 {
		s.Sound = pick(r, Sounds[1:])
	}
	return s
}

// Saying adds the sound to a caption of the spec.
func (s Spec) Saying(caption string, r *rand.Rand) string {
	switch {
	case s.Sound == "":
		return caption
	case s.Sound == "silent" || r.Float64() < .5:
		return caption + ", " + s.Sound
	}
	return caption + " " + s.Sound
}

// Pitch is what is to be heard, in Hz; 0 for silence.
func (s Spec) Pitch() float64 {
	switch s.Sound {
	case "with a high beep":
		return beep
	case "with a low hum":
		return hum
	case "silent":
		return 0
	}
	return Pitches[s.Shape]
}

// Wave is sound of SampleRate samples a second, both channels mixed, in −1…1.
type Wave []float64

// RenderSounding draws the clip that a spec asks for and plays its sound.
func RenderSounding(s Spec, r *rand.Rand, frames, side int) (*Clip, Wave) {
	c := newScene(s, r)
	c.radius *= soundingRadii[s.Size] / radii[s.Size]
	c.room = math.Max(1-c.radius*1.15, .05)
	return c.film(frames, side), c.play(frames)
}

// play is the sound of a clip of so many frames.
func (c scene) play(frames int) Wave {
	span := float64(frames-1) / FPS // seconds, in which the clip's own time goes from 0 to 1
	w := make(Wave, frames*SampleRate/FPS)
	f := c.s.Pitch()
	if f == 0 {
		return w
	}
	at := c.contacts(span)
	for n := range w {
		sec := float64(n) / SampleRate
		_, _, _, scale := c.pose(sec / span)
		loud := .25
		if c.s.Motion == "growing" || c.s.Motion == "shrinking" {
			loud = .4 * math.Pow(math.Max(0, math.Min(scale/1.45, 1.05)), 2)
		}
		if f == beep && n%3200 >= 1600 {
			loud = 0
		}
		cycle := 2 * math.Pi * f * sec
		w[n] = loud * (math.Sin(cycle) + .35*math.Sin(2*cycle) + .15*math.Sin(3*cycle))
		for _, t := range at {
			if u := sec - t; u >= 0 {
				w[n] += .6 * math.Exp(-u/.007) * math.Sin(2*math.Pi*Click*u)
			}
		}
		w[n] *= .8
	}
	return w
}

// contacts are the moments when a bouncing shape touches the floor, in seconds.
func (c scene) contacts(span float64) (at []float64) {
	if c.s.Motion != "bouncing" {
		return nil
	}
	for k := range 5 {
		if t := (float64(k) - c.hop) / (c.speed * 2.2); t > .02 && t < 1 {
			at = append(at, math.Round(t*span*HopsPerSecond)/HopsPerSecond)
		}
	}
	return at
}

// Silent says whether the prompt asks for silence.
func (s Spec) Silent() bool { return strings.EqualFold(s.Sound, "silent") }
