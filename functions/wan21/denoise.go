package wan21

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/schedule"
)

// denoiser predicts velocities for latents of one shape under one prompt.
type denoiser struct {
	c                     TransformerConfig
	session               engine.Session
	frames, height, width int64
	cond, uncond          engine.Tensor // text [1, tokens, text_dim]; uncond is empty without guidance
	condition             []float32     // channels after the latent's, image-to-video only
	image                 engine.Tensor // [1, tokens, image_dim], image-to-video only
	cos, sin              engine.Tensor
}

func (d *denoiser) shape() []int64 {
	return []int64{1, d.c.OutChannels, d.frames, d.height, d.width}
}

func (d *denoiser) elements() int64 { return engine.Elements(d.shape()) }

// stepped hears that a step is done, and where the trajectory would end if it went straight on: the estimate of the
// finished latents.
type stepped func(done, total int, estimate []float32) error

// denoise walks latents, in place, along the schedule.
func (d *denoiser) denoise(ctx context.Context, sched schedule.Scheduler, latents []float32, guidance float32, step stepped) error {
	times, sigmas := sched.Timesteps(), sched.Sigmas()
	for i, t := range times {
		v, err := d.velocity(ctx, latents, t, guidance)
		if err != nil {
			return fmt.Errorf("denoising step %d of %d: %w", i+1, len(times), err)
		}
		estimate := straight(latents, v, sigmas[i])
		if err := sched.Step(latents, v); err != nil {
			return err
		}
		if err := step(i+1, len(times), estimate); err != nil {
			return err
		}
	}
	return nil
}

// straight is x − σ·v: the velocity points from the clip to the noise.
func straight(x, v []float32, sigma float32) []float32 {
	out := make([]float32, len(x))
	for i := range x {
		out[i] = x[i] - sigma*v[i]
	}
	return out
}

// velocity is the guided prediction. Its two halves run side by side where the session has room for two.
func (d *denoiser) velocity(ctx context.Context, latents []float32, t, guidance float32) ([]float32, error) {
	if d.cos.Data == nil {
		d.cos, d.sin = d.c.rotary(d.c.grid(d.frames, d.height, d.width), 1)
	}
	if d.uncond.Data == nil {
		return d.predict(ctx, latents, t, d.cond)
	}
	var v, u []float32
	halves, ctx := errgroup.WithContext(ctx)
	halves.SetLimit(engine.Width(d.session))
	halves.Go(func() (err error) { v, err = d.predict(ctx, latents, t, d.cond); return })
	halves.Go(func() (err error) { u, err = d.predict(ctx, latents, t, d.uncond); return })
	if err := halves.Wait(); err != nil {
		return nil, err
	}
	schedule.Guide(v, u, guidance)
	return v, nil
}

func (d *denoiser) predict(ctx context.Context, latents []float32, t float32, text engine.Tensor) ([]float32, error) {
	grid := d.c.grid(d.frames, d.height, d.width)
	full := slices.Concat(latents, d.condition)
	in := engine.Values{
		ditTokens: engine.Floats(patchify(full, d.c.InChannels, d.frames, d.height, d.width, d.c.PatchSize),
			1, grid[0]*grid[1]*grid[2], d.c.InChannels*d.c.patchVolume()),
		ditTime:    engine.Floats(nn.Sinusoid(t, d.c.FreqDim), 1, d.c.FreqDim),
		ditContext: text, ditCos: d.cos, ditSin: d.sin,
	}
	if d.image.Data != nil {
		in[ditImage] = d.image
	}
	out, err := d.session.Run(ctx, in)
	if err != nil {
		return nil, err
	}
	return unpatchify(out.Float32(ditSample), d.c.OutChannels, d.frames, d.height, d.width, d.c.PatchSize), nil
}
