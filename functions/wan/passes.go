package wan

import (
	"context"
	"fmt"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/noise"
	"github.com/videosdgx/videosdgx/functions/inference/schedule"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
)

// A clip that is longer than its window is made in passes. Each begins with the last frames of the one before, encoded again as
// a clip's beginning: they are held while the rest takes shape, and the frames of the one pass fade into those of the other. What a
// pass takes of memory does not grow with the clip.

// pass is a part of a clip.
type pass struct {
	frames int // of this pass
	known  int // of them that are there already
}

// window is how many frames one pass makes.
func (p *Pipeline) window(r handler.Request) int {
	if n := int(number(r, windowField)); n > 0 {
		return n
	}
	return max(p.defaults.Frames, int(p.c.VAE.TemporalScale())+1)
}

// overlap is how many frames a pass takes over from the one before: about a quarter of it, and never all; image-to-video
// checkpoints, which know of one image, take that.
func (p *Pipeline) overlap(window int) int {
	if p.c.imageToVideo() {
		return 1
	}
	step := int(p.c.VAE.TemporalScale())
	groups := (window - 1) / step
	return min(max(groups/4, 1), groups-1)*step + 1
}

// passes cuts a clip. All but the last are as long as the window.
func (p *Pipeline) passes(r handler.Request) []pass {
	window := p.window(r)
	if r.NumFrames <= window {
		return []pass{{frames: r.NumFrames}}
	}
	known := p.overlap(window)
	all := []pass{{frames: window}}
	for rest := r.NumFrames - window; rest > 0; rest -= window - known {
		all = append(all, pass{frames: known + min(rest, window-known), known: known})
	}
	return all
}

// clip is one in the making.
type clip struct {
	p       *Pipeline
	r       handler.Request
	d       *denoiser
	out     handler.Output
	passes  []pass
	tail    engine.Tensor // [1, 3, known, H, W], the last frames so far
	latents []float32     // of all passes
	shown   int           // frames
}

// make denoises and shows a pass.
func (c *clip) make(ctx context.Context, i int) error {
	ps := c.passes[i]
	seed := uint64(c.r.Seed) + uint64(i)*nextPass
	sched, err := c.p.schedule(c.r.Steps, seed)
	if err != nil {
		return err
	}
	c.d.frames, c.d.cos = int64(ps.frames-1)/c.p.c.VAE.TemporalScale()+1, engine.Tensor{}
	latents := noise.Normal(seed, int(c.d.elements()))
	if err := c.condition(ctx, i, latents); err != nil {
		return err
	}
	if c.r.Video != nil {
		if sched, err = c.startFromVideo(ctx, sched, latents); err != nil {
			return err
		}
	}
	if sched != nil {
		c.d.cache = newStepCache(number(c.r, stepCacheField), len(sched.Timesteps()))
		c.out.Progress(handler.Progress{Phase: "denoise"})
		if err := c.d.denoise(ctx, sched, latents, c.report(ctx, i)); err != nil {
			return err
		}
	}
	c.latents = append(c.latents, latents...)
	c.out.Progress(handler.Progress{Phase: "decode"})
	return c.show(ctx, i, engine.Floats(latents, c.d.shape()...))
}

// nextPass is far between the seeds of a clip's passes.
const nextPass = 0xd1b54a32d192ed03

// condition sets what a pass is given besides the prompt: the request's images, or the frames of the pass before.
func (c *clip) condition(ctx context.Context, i int, latents []float32) error {
	r, ps := c.r, c.passes[i]
	r.NumFrames = ps.frames
	if i < len(c.passes)-1 {
		r.LastImage = nil
	}
	c.d.still, c.d.fresh = engine.Tensor{}, nil
	switch {
	case c.p.c.imageToVideo():
		if i > 0 {
			last, err := vae.Picture(c.tail)
			if err != nil {
				return err
			}
			r.Image = last
		}
		return c.p.conditionOnImage(ctx, r, c.d)
	case i == 0 && c.p.c.Pipeline.Expand && r.Image != nil:
		return c.p.standStill(ctx, r, c.d)
	case i == 0:
		return nil
	}
	z, err := c.p.encode(ctx, ps.known, func(f int) []float32 { return vae.Frames(c.tail, int64(f), int64(f)+1).Float32() }, r.Width, r.Height)
	if err != nil {
		return fmt.Errorf("encode the frames before: %w", err)
	}
	c.d.still = z
	c.d.fresh = vae.Frames(engine.Floats(latents, c.d.shape()...), 0, z.Shape[2]).Float32()
	return nil
}

// show decodes a pass and gives its frames, but for those that the next pass begins with: they fade into what that one makes of
// them.
func (c *clip) show(ctx context.Context, i int, latents engine.Tensor) error {
	ps, last := c.passes[i], c.passes[i].frames
	if i+1 < len(c.passes) {
		last -= c.passes[i+1].known
	}
	var tail []engine.Tensor
	before, at := c.tail, 0
	err := c.p.decode(ctx, c.r, latents, func(piece engine.Tensor) error {
		n := int(piece.Shape[2])
		if at < ps.known {
			fade(before, piece, at, ps.known)
		}
		if to := min(last-at, n); to > 0 {
			if err := vae.EmitFrames(vae.Frames(piece, 0, int64(to)), c.frame); err != nil {
				return err
			}
		}
		if from := max(last-at, 0); from < n {
			tail = append(tail, vae.Frames(piece, int64(from), int64(n)))
		}
		at += n
		return nil
	})
	if err != nil || len(tail) == 0 {
		return err
	}
	c.tail, err = vae.Join(tail)
	for k, v := range c.tail.Float32() {
		c.tail.Float32()[k] = min(max(v, -1), 1)
	}
	return err
}

// fade goes over from the frames before, of which there are known, to those of a piece that begins at frame at.
func fade(before, piece engine.Tensor, at, known int) {
	s := piece.Shape
	plane := int(s[3] * s[4])
	for f := range min(int(s[2]), known-at) {
		share := float32(at+f+1) / float32(known+1)
		for ch := range int(s[1]) {
			to := piece.Float32()[(ch*int(s[2])+f)*plane:][:plane]
			from := before.Float32()[(ch*known+at+f)*plane:][:plane]
			for k := range to {
				to[k] = from[k]*(1-share) + to[k]*share
			}
		}
	}
}

func (c *clip) frame(rgb []byte) error {
	c.shown++
	c.out.Progress(handler.Progress{Phase: "decode", Step: c.shown, Steps: c.r.NumFrames})
	return c.out.Frame(rgb)
}

// report tells of every step of a pass, counted over the clip, and shows pictures of some.
func (c *clip) report(ctx context.Context, i int) stepped {
	return func(done, total int, estimate []float32) error {
		at := handler.Progress{Phase: "denoise", Step: i*total + done, Steps: len(c.passes) * total}
		c.out.Progress(at)
		if !c.r.Preview || !previewAt(at.Step, at.Steps) {
			return nil
		}
		img, err := c.p.preview(ctx, engine.Floats(estimate, c.d.shape()...))
		if err != nil {
			return err
		}
		at.Preview = img
		c.out.Progress(at)
		return nil
	}
}

// startFromVideo replaces noise by the request's clip at the noise level at which its strength has the walk begin, and gives the
// rest of the walk: nil where there is none. A walk that begins at its beginning has nothing of the clip: the reference leaves a
// millionth of it there where a schedule begins that far below 1, which steps make a visible difference of.
func (c *clip) startFromVideo(ctx context.Context, sched schedule.Scheduler, latents []float32) (schedule.Scheduler, error) {
	steps := len(sched.Timesteps())
	strength := number(c.r, strengthField)
	start := max(steps-min(int(float64(steps)*strength), steps), 0)
	if start == 0 {
		return sched, c.p.checkVideo(ctx, c.r)
	}
	z, err := c.p.encodeVideo(ctx, c.r)
	if err != nil {
		return nil, err
	}
	if start == steps {
		copy(latents, z.Float32())
		return nil, nil //nolint:nilnil // no walk is no error
	}
	sched, err = schedule.From(sched, start)
	if err != nil {
		return nil, err
	}
	sigma := sched.Sigmas()[0]
	for i, v := range z.Float32() {
		latents[i] = (1-sigma)*v + sigma*latents[i]
	}
	return sched, nil
}
