package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/videosdgx/videosdgx/bench/judge/shapes"
	"github.com/videosdgx/videosdgx/bench/judge/verdict"
	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
	"github.com/videosdgx/videosdgx/functions/wan21"
)

// named is an open model with the format of its weights.
type named struct {
	format string
	handler.Model
}

// models builds and opens a bundle of each format; the first is float32.
func (o options) models(ctx context.Context, dir string) ([]named, error) {
	var models []named
	for _, f := range o.formats {
		if _, err := serve.Build(ctx, o.checkpoint, bundleDir(dir, f), wan21.Recipe, bundle.Options{Name: f, Precision: f}); err != nil {
			return nil, err
		}
		b, err := serve.Open(ctx, bundleDir(dir, f), weights.VerifyOptions{})
		if err != nil {
			return nil, err
		}
		m, err := wan21.Open(ctx, b)
		if err != nil {
			return nil, err
		}
		models = append(models, named{f, m})
	}
	return models, nil
}

// prompt is one of the judge's, drawn as bench/judge draws them.
type prompt struct {
	spec shapes.Spec
	text string
	seed uint64
}

type drawing struct {
	r    *rand.Rand
	seed uint64
	i    uint64
}

func newDrawing(seed uint64) *drawing { return &drawing{r: shapes.Rand(seed), seed: seed} }

func (d *drawing) next() prompt {
	s := shapes.Draw(d.r)
	p := prompt{spec: s, text: s.Caption(d.r), seed: (d.seed<<20 + d.i) & (1<<53 - 1)}
	d.i++
	return p
}

// clip is what a model made of a prompt.
type clip struct {
	latents []float32
	frames  []byte // frames of RGB, one after the other
	width   int
	height  int
	seconds float64
}

func generate(ctx context.Context, m handler.Model, p prompt, steps int) (clip, error) {
	r := m.Describe().Defaults
	r.Prompt, r.Seed = p.text, int64(p.seed)
	if steps > 0 {
		r.Steps = steps
	}
	c := clip{width: r.Width, height: r.Height}
	begin := time.Now()
	err := m.Generate(ctx, r, handler.Output{
		Progress: func(handler.Progress) {},
		Frame:    func(rgb []byte) error { c.frames = append(c.frames, rgb...); return nil },
		Latents:  func(v []float32) { c.latents = slices.Clone(v) },
	})
	c.seconds = time.Since(begin).Seconds()
	if err == nil && len(c.latents) == 0 {
		err = fmt.Errorf("the model gave no latents")
	}
	return c, err
}

// judged is the clip as the judge sees it.
func (c clip) judged() *shapes.Clip {
	s := &shapes.Clip{Frames: len(c.frames) / (3 * c.width * c.height), Height: c.height, Width: c.width, Pix: make([]float64, len(c.frames))}
	for i, b := range c.frames {
		s.Pix[i] = float64(b) / 255
	}
	return s
}

// compare makes the clip of p with every model and measures each against the first's.
func compare(ctx context.Context, models []named, p prompt, steps int) (result, error) {
	out := result{Prompt: p.text, Formats: map[string]measured{}}
	var reference clip
	for i, m := range models {
		c, err := generate(ctx, m, p, steps)
		if err != nil {
			return out, fmt.Errorf("%s: %w", m.format, err)
		}
		if i == 0 {
			reference = c
		}
		out.Formats[m.format] = measured{
			Latents: latentPSNR(c.latents, reference.latents), Clip: clipPSNR(c.frames, reference.frames),
			Verdict: verdict.Judge(c.judged(), p.spec), Seconds: c.seconds,
		}
	}
	return out, nil
}

// mostPSNR stands for equal.
const mostPSNR = 120

// latentPSNR takes the range of the reference's values as the peak.
func latentPSNR(got, want []float32) float64 {
	sum := 0.0
	for i := range want {
		d := float64(got[i]) - float64(want[i])
		sum += d * d
	}
	return psnr(float64(slices.Max(want)-slices.Min(want)), sum/float64(len(want)))
}

func clipPSNR(got, want []byte) float64 {
	sum := 0.0
	for i := range want {
		d := float64(got[i]) - float64(want[i])
		sum += d * d
	}
	return psnr(255, sum/float64(len(want)))
}

func psnr(peak, mse float64) float64 {
	if mse == 0 {
		return mostPSNR
	}
	return min(mostPSNR, 20*math.Log10(peak)-10*math.Log10(mse))
}
