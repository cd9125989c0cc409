package ltx2

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// Sound lasts as long as the picture, to the sample, at every rate; what a clip is counted for its sound is what is decoded.
func TestSoundEndsWithThePicture(t *testing.T) {
	m := openModel(t, tinyBundle(t))
	for _, frames := range []int{9, 97} {
		for _, fps := range []float64{24, 25, 30, 50, 60, 71.9, 120} {
			t.Run(fmt.Sprint(frames, " at ", fps), func(t *testing.T) {
				r := small()
				r.Width, r.Height, r.NumFrames, r.FPS, r.Output = 32, 32, frames, fps, "wav"
				r.Steps, r.Guidance, r.Values = 1, 1, map[string]any{"stg_scale": 0.0, "modality_scale": 1.0}
				if o, err := m.order(r); err != nil {
					t.Fatal(err)
				} else if err := m.check(o); err != nil {
					t.Fatal(err)
				}
				sound := generate(t, m, r).sound
				want := float64(frames) / fps
				if got := float64(len(sound.Samples)/sound.Channels) / float64(sound.Rate); math.Abs(got-want) > 1/float64(sound.Rate) {
					t.Errorf("%g s of sound beside %g s of picture", got, want)
				}
			})
		}
	}
}

// The last latent goes on; nothing before it changes.
func TestTheLastLatentGoesOn(t *testing.T) {
	m := openModel(t, tinyBundle(t))
	width := int(m.c.Transformer.AudioInChannels)
	rows := make([]float32, 28*width)
	for i := range rows {
		rows[i] = float32(i)
	}
	before := slices.Clone(rows)
	out := m.lasting(rows, 1.125)
	if n := len(out) / width; n != 29 || !slices.Equal(out[:len(rows)], before) || !slices.Equal(out[len(rows):], before[27*width:]) {
		t.Errorf("%d rows", n)
	}
	if got := m.lasting(rows, 0.5); !slices.Equal(got, before) {
		t.Error("more rows than are heard are left as they are")
	}
}
