package wan

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/schedule"
)

// denoiser predicts velocities for latents of one shape under one prompt.
type denoiser struct {
	c                     TransformerConfig
	first                 expert
	second                *expert // below the timestep boundary
	boundary              float32
	frames, height, width int64
	cond, uncond          engine.Tensor // text [1, tokens, text_dim]; uncond is empty without guidance
	condition             []float32     // channels after the latent's, image-to-video only
	image                 engine.Tensor // [1, tokens, image_dim], image-to-video only
	still                 engine.Tensor // [1, C, k, h, w], what the first latent frames are: known from the start
	fresh                 []float32     // noise of the known frames' size, where patches have no timesteps of their own
	cos, sin              engine.Tensor
	cache                 *stepCache // nil: every step is exact
}

// expert is a transformer and how closely it follows the prompt. Get waits until it is open; what it gives is used for one
// step, since another expert may need its room for the next.
type expert struct {
	get      func(ctx context.Context) (engine.Session, error)
	guidance float32
}

// at is the expert for a timestep.
func (d *denoiser) at(t float32) expert {
	if d.second != nil && t < d.boundary {
		return *d.second
	}
	return d.first
}

func (d *denoiser) shape() []int64 {
	return []int64{1, d.c.OutChannels, d.frames, d.height, d.width}
}

func (d *denoiser) elements() int64 { return engine.Elements(d.shape()) }

// stepped hears that a step is done, and where the trajectory would end if it went straight on: the estimate of the
// finished latents.
type stepped func(done, total int, estimate []float32) error

// denoise walks latents, in place, along the schedule.
func (d *denoiser) denoise(ctx context.Context, sched schedule.Scheduler, latents []float32, step stepped) error {
	times, sigmas := sched.Timesteps(), sched.Sigmas()
	for i, t := range times {
		if !d.c.PerToken && sigmas[i] > letGo {
			d.hold(latents, sigmas[i])
		}
		if i > 0 && d.second != nil && (t < d.boundary) != (times[i-1] < d.boundary) {
			d.cache.forget()
		}
		v := d.cache.reuse(i, len(times), latents)
		if v == nil {
			var err error
			if v, err = d.velocity(ctx, latents, t); err != nil {
				return fmt.Errorf("denoising step %d of %d: %w", i+1, len(times), err)
			}
			d.cache.learn(latents, v)
		}
		estimate := straight(latents, v, sigmas[i])
		if err := sched.Step(latents, v); err != nil {
			return err
		}
		if i == len(times)-1 && d.c.PerToken {
			d.hold(latents, 0)
		}
		if err := step(i+1, len(times), estimate); err != nil {
			return err
		}
	}
	return nil
}

// letGo is the noise level below which known frames are not held any more where patches have no timesteps of their own: what they
// show is settled by then, and the model may fit them to what it makes of the rest. The frames of the pass before fade into them.
const letGo = 0.6

// hold puts the known frames into the first ones: as they are where patches have timesteps of their own, and else at the noise
// level of all others, which is what a model without them has learnt to see.
func (d *denoiser) hold(latents []float32, sigma float32) {
	if d.still.Data == nil {
		return
	}
	plane, known := int(d.height*d.width), int(d.still.Shape[2])
	for c := range int(d.c.OutChannels) {
		to, from := latents[c*int(d.frames)*plane:][:known*plane], d.still.Float32()[c*known*plane:][:known*plane]
		if sigma == 0 {
			copy(to, from)
			continue
		}
		fresh := d.fresh[c*known*plane:][:known*plane]
		for i := range to {
			to[i] = (1-sigma)*from[i] + sigma*fresh[i]
		}
	}
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
func (d *denoiser) velocity(ctx context.Context, latents []float32, t float32) ([]float32, error) {
	e := d.at(t)
	session, err := e.get(ctx)
	if err != nil {
		return nil, err
	}
	if d.cos.Data == nil {
		d.cos, d.sin = d.c.rotary(d.c.grid(d.frames, d.height, d.width), 1)
	}
	if d.uncond.Data == nil || e.guidance <= 1 {
		return d.predict(ctx, session, latents, t, d.cond)
	}
	var v, u []float32
	halves, ctx := errgroup.WithContext(ctx)
	halves.SetLimit(engine.Width(session))
	halves.Go(func() (err error) { v, err = d.predict(ctx, session, latents, t, d.cond); return })
	halves.Go(func() (err error) { u, err = d.predict(ctx, session, latents, t, d.uncond); return })
	if err := halves.Wait(); err != nil {
		return nil, err
	}
	schedule.Guide(v, u, e.guidance)
	return v, nil
}

func (d *denoiser) predict(ctx context.Context, session engine.Session, latents []float32, t float32, text engine.Tensor) ([]float32, error) {
	grid := d.c.grid(d.frames, d.height, d.width)
	full := slices.Concat(latents, d.condition)
	if d.c.PerToken { // what the scheduler walks stays its own, as in the reference
		d.hold(full, 0)
	}
	patches := grid[0] * grid[1] * grid[2]
	in := engine.Values{
		ditTokens: engine.Floats(patchify(full, d.c.InChannels, d.frames, d.height, d.width, d.c.PatchSize),
			1, patches, d.c.InChannels*d.c.patchVolume()),
		ditContext: text, ditCos: d.cos, ditSin: d.sin,
	}
	d.c.times(in, d.timesteps(t, patches, grid[1]*grid[2]), 1, patches)
	if d.image.Data != nil {
		in[ditImage] = d.image
	}
	out, err := session.Run(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := schedule.Numbers(out.Float32(ditSample)); err != nil {
		return nil, err
	}
	return unpatchify(out.Float32(ditSample), d.c.OutChannels, d.frames, d.height, d.width, d.c.PatchSize), nil
}

// timesteps is t, or with a still first frame one for each patch: 0 where nothing is left to denoise.
func (d *denoiser) timesteps(t float32, patches, frame int64) []float32 {
	if d.still.Data == nil || !d.c.PerToken {
		return []float32{t}
	}
	all := make([]float32, patches)
	for i := frame * d.still.Shape[2]; i < patches; i++ {
		all[i] = t
	}
	return all
}
