package ltx2

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/schedule"
)

// graphs runs a graph by its name.
type graphs interface {
	Run(ctx context.Context, graph string, in engine.Values, resident ...string) (engine.Values, error)
}

// texts are what the two streams read of a prompt: [1, text, width], where the connectors have made it, and which of it counts
// [1, 1, 1, text].
type texts struct {
	video, audio engine.Value
	mask         engine.Tensor
}

// close frees them; there may be none.
func (t texts) close() {
	for _, v := range []engine.Value{t.video, t.audio} {
		if v != nil {
			_ = v.Close() // freeing memory: what could be done about an error
		}
	}
}

// guidance is what steers a clip, each stream with scales of its own.
type guidance struct {
	video, audio schedule.Guidance
	blocks       []int64 // that are perturbed
	cross        bool    // where the streams attend to each other, the other's noise level modulates
}

// uncond, perturbed and isolated say which predictions are wanted beside the prompt's: those that either stream has a scale for.
func (g guidance) uncond() bool    { return g.video.Scale > 1 || g.audio.Scale > 1 }
func (g guidance) perturbed() bool { return g.video.STG > 0 || g.audio.STG > 0 }
func (g guidance) isolated() bool  { return g.video.Modality > 1 || g.audio.Modality > 1 }

// none is no guidance at all.
func (g guidance) none() guidance {
	g.video, g.audio = schedule.Guidance{Scale: 1, Modality: 1}, schedule.Guidance{Scale: 1, Modality: 1}
	return g
}

// denoiser predicts velocities for a video and a sound of one size under one prompt.
type denoiser struct {
	c            TransformerConfig
	graphs       graphs
	graph        string  // of the transformer, where it is another than the first stage's
	place        placing // of what every step reads; nil: it stays where it is
	video, audio positions
	cond, uncond texts
	guidance     guidance
	// held says for every token of the video how far it stays what clean has in its place: 1 is all the way. nil holds none.
	held, clean []float32
	shared      engine.Values // inputs of every step
}

// placing copies a tensor to the device that runs the graphs.
type placing func(ctx context.Context, t engine.Tensor) (engine.Value, error)

// share makes the inputs of every step. On a device they lie there until close: a clip's rotary tables are 150 MB.
func (d *denoiser) share(ctx context.Context) error {
	in := engine.Values{}
	tables(in, d.c, d.video, d.audio)
	if d.c.KeyframesEmbedding {
		in[ditKeyframes] = engine.Zeros(1, d.video.tokens(), 1)
	}
	for name, v := range in {
		t, err := v.Host()
		if d.place != nil && err == nil {
			in[name], err = d.place(ctx, t)
		}
		if err != nil {
			in[name] = t
			in.Close()
			return fmt.Errorf("rotary tables: %w", err)
		}
	}
	d.shared = in
	return nil
}

// close frees what every step has read.
func (d *denoiser) close() {
	d.shared.Close()
	d.shared = nil
}

// latents are rows of both streams.
type latents struct{ video, audio []float32 }

// step is what a step of denoising was: the velocities that were taken, where the latents would end if they went straight on,
// and the latents now.
type step struct {
	done, total             int
	velocity, estimate, now latents
}

// denoise walks latents, in place, along the schedule. Both streams have one of their own, with the same noise levels.
func (d *denoiser) denoise(ctx context.Context, c schedule.Config, o schedule.Options, now latents, stepped func(step) error) error {
	video, err := schedule.New(c, o)
	if err != nil {
		return err
	}
	audio, err := schedule.New(c, o)
	if err != nil {
		return err
	}
	times, sigmas := video.Timesteps(), video.Sigmas()
	for i, t := range times {
		v, err := d.velocity(ctx, now, t, sigmas[i])
		estimate := latents{straight(now.video, v.video, sigmas[i]), straight(now.audio, v.audio, sigmas[i])}
		if err == nil {
			err = video.Step(now.video, v.video)
		}
		if err == nil {
			err = audio.Step(now.audio, v.audio)
		}
		if err != nil {
			return fmt.Errorf("denoising step %d of %d: %w", i+1, len(times), err)
		}
		if err := stepped(step{i + 1, len(times), v, estimate, now}); err != nil {
			return err
		}
	}
	return nil
}

// straight is x − σ·v: the velocity points from the clip to the noise.
func straight(x, v []float32, sigma float32) []float32 {
	out := make([]float32, len(v))
	for i := range out {
		out[i] = x[i] - sigma*v[i]
	}
	return out
}

// velocity is the guided prediction. What is held goes to where it is held: the difference is zero where it is there already.
func (d *denoiser) velocity(ctx context.Context, now latents, t, sigma float32) (v latents, err error) {
	p, err := d.predictions(ctx, now, t)
	if err != nil {
		return v, err
	}
	v.video = d.guidance.video.Velocity(now.video, float64(sigma), p.video)
	v.audio = d.guidance.audio.Velocity(now.audio, float64(sigma), p.audio)
	each := len(now.video) / max(len(d.held), 1)
	for token, held := range d.held {
		for i := token * each; held > 0 && i < (token+1)*each; i++ {
			v.video[i] = (1-held)*v.video[i] + held*(now.video[i]-d.clean[i])/sigma
		}
	}
	return v, nil
}

// predictions are those of both streams for one step.
type predictions struct{ video, audio schedule.Predictions }

func (d *denoiser) predictions(ctx context.Context, now latents, t float32) (p predictions, err error) {
	type pass struct {
		wanted       bool
		text         texts
		perturb      bool
		apart        bool
		video, audio *[]float32
	}
	g := d.guidance
	for _, k := range []pass{
		{true, d.cond, false, false, &p.video.Cond, &p.audio.Cond},
		{g.uncond(), d.uncond, false, false, &p.video.Uncond, &p.audio.Uncond},
		{g.perturbed() && d.c.PerturbedAttn, d.cond, true, false, &p.video.Perturbed, &p.audio.Perturbed}, // others would answer as before
		{g.isolated(), d.cond, false, true, &p.video.Isolated, &p.audio.Isolated},
	} {
		if !k.wanted {
			continue
		}
		v, err := d.predict(ctx, now, t, k.text, k.perturb, k.apart)
		if err != nil {
			return p, err
		}
		*k.video, *k.audio = v.video, v.audio
	}
	return p, nil
}

// predict is one pass of the transformer.
func (d *denoiser) predict(ctx context.Context, now latents, t float32, text texts, perturb, apart bool) (v latents, err error) {
	if d.shared == nil {
		if err := d.share(ctx); err != nil {
			return v, err
		}
	}
	in := maps.Clone(d.shared)
	in[ditVideo] = engine.Floats(now.video, 1, d.video.tokens(), d.c.InChannels)
	in[ditAudio] = engine.Floats(now.audio, 1, d.audio.tokens(), d.c.AudioInChannels)
	in[ditVideoText], in[ditAudioText] = text.video, text.audio
	if !d.c.WholeText {
		in[ditMask] = text.mask
	}
	d.times(in, t)
	couple := float32(1)
	if apart {
		couple = 0
	}
	in[ditCouple] = engine.Floats([]float32{couple}, 1)
	if d.c.PerturbedAttn {
		in[ditAttend] = d.attends(perturb)
	}
	out, err := d.graphs.Run(ctx, cmp.Or(d.graph, graphTransformer), in)
	if err != nil {
		return v, err
	}
	v = latents{out.Float32(ditVelocity), out.Float32(ditAudioOut)}
	return v, schedule.Numbers(v.video, v.audio)
}

// times sets the inputs that tell the noise level: what is held is less noisy, in its own time and, in 2.0's way, where the
// streams attend to each other.
func (d *denoiser) times(in engine.Values, t float32) {
	plain := engine.Floats(nn.Sinusoid(t, freqDim), 1, 1, freqDim)
	own := plain
	if d.held != nil {
		rows := make([]float32, 0, len(d.held)*freqDim)
		for _, held := range d.held {
			rows = append(rows, nn.Sinusoid(t*(1-held), freqDim)...)
		}
		own = engine.Floats(rows, 1, int64(len(d.held)), freqDim)
	}
	in[ditVideoTime], in[ditAudioTime] = own, plain
	in[ditVideoCross], in[ditAudioCross] = own, plain
	if d.guidance.cross {
		in[ditVideoCross] = plain
	}
	if _, levels := d.c.modulatesText(); levels {
		in[ditVideoLevel], in[ditAudioLevel] = plain, plain
	}
}

// attends is 1, but 0 in the blocks that are perturbed.
func (d *denoiser) attends(perturb bool) engine.Tensor {
	v := make([]float32, d.c.NumLayers)
	for i := range v {
		if !perturb || !slices.Contains(d.guidance.blocks, int64(i)) {
			v[i] = 1
		}
	}
	return engine.Floats(v, d.c.NumLayers, 1, 1, 1)
}
