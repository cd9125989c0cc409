package main

import (
	"fmt"
	"io"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/bench/judge/hear"
	"github.com/videosdgx/videosdgx/bench/judge/shapes"
	"github.com/videosdgx/videosdgx/bench/judge/verdict"
)

// figures are what is judged, in the order of the table, and the least share that is wanted.
var figures = []struct{ name, want string }{
	{"color", "≥ 0.65"}, {"motion", "≥ 0.75"}, {"background", "≥ 0.75"}, {"striped", ""}, {"pitch", "≥ 0.85"}, {"silence", "≥ 0.85"}, {"hush", ""},
	{"onset", "≥ 0.75"}, {"bounce", ""}, {"loudness", "≥ 0.75"},
}

// tally counts for every figure how many clips it applied to and how many were right.
type tally struct {
	n         int
	of, right map[string]int
	took      *harness.Samples
}

func newTally() *tally {
	return &tally{of: map[string]int{}, right: map[string]int{}, took: harness.NewSamples()}
}

// count takes one verdict and gives its mark for the line.
func (t *tally) count(name string, ok bool) string {
	t.of[name]++
	if ok {
		t.right[name]++
		return " " + name + " ✓"
	}
	return " " + name + " ✗"
}

// see judges a clip's picture.
func (t *tally) see(c *shapes.Clip, s shapes.Spec) string {
	t.n++
	v := verdict.Judge(c, s)
	return t.count("color", v.Color) + t.count("motion", v.Motion) + t.count("background", v.Background)
}

// hear judges its sound. Of silence, bounces are no part; "hush" are the silent clips alone, "bounce" the bouncing ones.
func (t *tally) hear(c *shapes.Clip, w shapes.Wave, s shapes.Spec) string {
	v := hear.Judge(c, w, s)
	line := t.count("silence", v.Silence) + t.count("onset", v.Onset)
	if v.HasPitch {
		line += t.count("pitch", v.Pitch)
	}
	if v.HasLoudness {
		line += t.count("loudness", v.Loudness)
	}
	switch {
	case s.Silent():
		t.count("hush", v.Silence)
	case s.Motion == "bouncing":
		t.count("bounce", v.Onset)
	}
	return line
}

func (t *tally) print(w io.Writer) error {
	r := harness.NewReport("judge")
	for _, f := range figures {
		if t.of[f.name] == 0 {
			continue
		}
		r.Figure(f.name, float64(t.right[f.name])/float64(t.of[f.name]))
		if f.want != "" {
			r.Want(f.name, f.want)
		}
	}
	r.Figure("prompts", float64(t.n))
	r.Figure("clip_p50_s", t.took.Ms(50)/1000)
	fmt.Fprintln(w)
	return r.Print(w)
}
