package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/bench/judge/shapes"
	"github.com/videosdgx/videosdgx/bench/judge/verdict"
	"github.com/videosdgx/videosdgx/functions/handler"
)

// way is how clips are made.
type way struct {
	name   string
	model  handler.Model
	values map[string]any

	right   int // of three for each prompt
	seconds []float64
	cpu     []float64 // seconds of all threads: what other work on the machine does not change
	psnr    []float64 // against the first way, in dB
}

// made is a clip: frames of RGB.
type made struct {
	frames        [][]byte
	width, height int
	seconds, cpu  float64
}

func (m made) judged() *shapes.Clip {
	c := &shapes.Clip{Frames: len(m.frames), Height: m.height, Width: m.width}
	for _, f := range m.frames {
		for _, b := range f {
			c.Pix = append(c.Pix, float64(b)/255)
		}
	}
	return c
}

func (o options) generate(ctx context.Context, m handler.Model, prompt string, seed int64, frames int, values map[string]any) (made, error) {
	r := m.Describe().Defaults
	r.Prompt, r.Seed, r.Values = prompt, seed, values
	if o.predictions > 0 {
		r.Steps = o.predictions
	}
	if frames > 0 {
		r.NumFrames = frames
	}
	out := made{width: r.Width, height: r.Height}
	begin, used := time.Now(), cpuSeconds()
	err := m.Generate(ctx, r, handler.Output{
		Progress: func(handler.Progress) {}, Latents: func([]float32) {},
		Frame: func(rgb []byte) error { out.frames = append(out.frames, slices.Clone(rgb)); return nil },
	})
	out.seconds, out.cpu = time.Since(begin).Seconds(), cpuSeconds()-used
	return out, err
}

// cpuSeconds is what this process has computed so far.
func cpuSeconds() float64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0 // it cannot fail for oneself
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// compare makes every prompt in every way, one after the other, so that what else the machine does meets all alike.
func (o options) compare(ctx context.Context, r *harness.Report, ways []way) error {
	random := shapes.Rand(o.seed)
	for i := range o.n {
		spec, text := draw(random)
		var first made
		for k := range ways {
			w := &ways[k]
			m, err := o.generate(ctx, w.model, text, int64(o.seed<<20+uint64(i)), o.frames, w.values)
			if err != nil {
				return fmt.Errorf("%s, %q: %w", w.name, text, err)
			}
			if k == 0 {
				first = m
			}
			v := verdict.Judge(m.judged(), spec)
			for _, ok := range []bool{v.Color, v.Motion, v.Background} {
				if ok {
					w.right++
				}
			}
			w.seconds, w.cpu, w.psnr = append(w.seconds, m.seconds), append(w.cpu, m.cpu), append(w.psnr, clipPSNR(m.frames, first.frames))
			fmt.Fprintf(os.Stderr, "%3d/%d %-10s %v %.1f s, %.1f of CPU, %.1f dB  %s\n", i+1, o.n, w.name, v, m.seconds, m.cpu, w.psnr[i], text)
		}
	}
	r.Figure("prompts", float64(o.n))
	for _, w := range ways {
		r.Figure(w.name+"_judge", float64(w.right)/float64(3*o.n))
		r.Figure(w.name+"_seconds", median(w.seconds))
		r.Figure(w.name+"_cpu_seconds", median(w.cpu))
		r.Figure(w.name+"_psnr_db", median(w.psnr))
	}
	return nil
}

func draw(r *rand.Rand) (shapes.Spec, string) {
	s := shapes.Draw(r)
	return s, s.Caption(r)
}

// mostPSNR stands for equal.
const mostPSNR = 120

func clipPSNR(a, b [][]byte) float64 {
	sum, n := 0.0, 0
	for f := range a {
		for i := range a[f] {
			d := float64(a[f][i]) - float64(b[f][i])
			sum += d * d
			n++
		}
	}
	if sum == 0 {
		return mostPSNR
	}
	return min(mostPSNR, 20*math.Log10(255)-10*math.Log10(sum/float64(n)))
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}
