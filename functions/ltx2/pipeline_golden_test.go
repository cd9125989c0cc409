package ltx2

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/schedule"
)

// reference is a pipeline of a golden file, built of its weights, and how the reference was called.
type reference struct {
	*golden.Case
	t    *testing.T
	p    *Pipeline
	call struct {
		Steps         int       `json:"num_inference_steps"`
		Sigmas        []float64 `json:"sigmas"`
		FPS           float64   `json:"frame_rate"`
		Scale         float64   `json:"guidance_scale"`
		AudioScale    float64   `json:"audio_guidance_scale"`
		STG           float64   `json:"stg_scale"`
		AudioSTG      float64   `json:"audio_stg_scale"`
		Modality      float64   `json:"modality_scale"`
		AudioModality float64   `json:"audio_modality_scale"`
		Rescale       float64   `json:"guidance_rescale"`
		AudioRescale  float64   `json:"audio_guidance_rescale"`
		Blocks        []int64   `json:"spatio_temporal_guidance_blocks"`
		Cross         bool      `json:"use_cross_timestep"`
		Frames        int       `json:"num_frames"`
		Latent        [3]int64  `json:"latent"`
	}
}

// openReference builds every graph that the file has weights for.
func openReference(t *testing.T, name string) *reference {
	t.Helper()
	g := &reference{Case: golden.Open(t, name), t: t}
	var by map[string]json.RawMessage
	g.Config(&by)
	if err := json.Unmarshal(by["call"], &g.call); err != nil {
		t.Fatal(err)
	}
	for component, has := range map[string]string{"text_encoder": "", "vocoder": "w.vocoder."} {
		if by[component] == nil || has != "" && len(g.List(has)) == 0 {
			delete(by, component)
		}
	}
	c := g.configs(by)
	parts := opened{}
	g.p = &Pipeline{c: c, graphs: parts, defaults: Defaults{Sigmas: g.call.Sigmas}}
	for _, graph := range c.graphs() {
		if g.has(graph) {
			net, err := graph.Build(nn.Options{Weights: g.Weights("w." + graph.Component + ".")})
			parts[graph.Name] = compiletest.Open(t, net, err)
		}
	}
	return g
}

// configs are the file's; what a text encoder is to be is made up where the file has none.
func (g *reference) configs(by map[string]json.RawMessage) configs {
	g.t.Helper()
	if by["text_encoder"] == nil {
		by["text_encoder"] = json.RawMessage(`{"vocab_size":8,"hidden_size":16,"intermediate_size":16,"num_hidden_layers":3,"num_attention_heads":2,"num_key_value_heads":1,"head_dim":8}`)
	}
	c, err := parseConfigs(by)
	if err != nil {
		g.t.Fatal(err)
	}
	if err := c.readStatistics(func(component string) nn.Source { return g.Weights("w." + component + ".") }); err != nil {
		g.t.Fatal(err)
	}
	return c
}

// has says whether the file has a graph's weights: encoders are left out of most.
func (g *reference) has(graph bundle.Graph) bool {
	prefix := "w." + graph.Component + "."
	switch graph.Name {
	case graphEncode:
		prefix += "encoder."
	case graphDecode, graphAudioDecoder:
		prefix += "decoder."
	}
	return len(g.List(prefix)) > 0
}

func (g *reference) tensor(name string) engine.Tensor {
	g.t.Helper()
	v, shape := g.Tensor(name)
	return engine.Floats(v, shape...)
}

func (g *reference) near(what string, got []float32, tolerance float64) {
	g.t.Helper()
	want, _ := g.Tensor("out." + what)
	golden.Near(g.t, what, got, want, tolerance)
}

func (g *reference) guidance() guidance {
	k := g.call
	for _, own := range []struct{ to, video *float64 }{{&k.AudioScale, &k.Scale}, {&k.AudioSTG, &k.STG}, {&k.AudioModality, &k.Modality}, {&k.AudioRescale, &k.Rescale}} {
		if *own.to == 0 { // as the reference has it
			*own.to = *own.video
		}
	}
	return guidance{video: schedule.Guidance{Scale: k.Scale, STG: k.STG, Modality: k.Modality, Rescale: k.Rescale},
		audio: schedule.Guidance{Scale: k.AudioScale, STG: k.AudioSTG, Modality: k.AudioModality, Rescale: k.AudioRescale}, blocks: k.Blocks, cross: k.Cross}
}

// prompt connects the text encoder's states, which the file has, or which its own text encoder makes of ids.
func (g *reference) prompt(prefix, branch string) texts {
	g.t.Helper()
	counts := counted(g.t, g.Case, "in."+prefix+"prompt_attention_mask")
	enc := prompts{c: g.p.c, graphs: g.p.graphs, length: len(counts)}
	var states engine.Value
	if slices.Contains(g.Names(), "in."+prefix+"input_ids") {
		if states, counts = g.encoded(enc, prefix, counts); g.p.c.Connectors.Registers() == 0 {
			var err error
			if states, counts, err = paddedBefore(states, counts, int64(enc.length)); err != nil {
				g.t.Fatal(err)
			}
		}
	} else {
		c := g.p.c.Connectors
		states = engine.Floats(g.tensor("in."+prefix+"prompt_embeds").Float32(), 1, int64(len(counts)), c.CaptionChannels, c.Layers)
	}
	t, err := enc.connect(context.Background(), states, counts)
	if err != nil {
		g.t.Fatal(err)
	}
	if slices.Contains(g.Names(), "out.connectors_"+branch) {
		g.near("connectors_"+branch, g.host(t.video), 1e-5)
		g.near("audio_connectors_"+branch, g.host(t.audio), 1e-5)
	}
	return t
}

// host is a value's content.
func (g *reference) host(v engine.Value) []float32 {
	g.t.Helper()
	t, err := v.Host()
	if err != nil {
		g.t.Fatal(err)
	}
	return t.Float32()
}

// encoded are the states of the tokens that count.
func (g *reference) encoded(enc prompts, prefix string, counts []float32) (engine.Value, []float32) {
	g.t.Helper()
	ids, _ := g.Ints("in." + prefix + "input_ids")
	want, shape := g.Tensor("out." + prefix + "hidden_states")
	each := int(shape[2] * shape[3])
	var some []int64
	var rows, ones []float32
	for i, n := range counts {
		if n > 0 {
			some, rows, ones = append(some, ids[i]), append(rows, want[i*each:(i+1)*each]...), append(ones, 1)
		}
	}
	states, err := enc.states(context.Background(), some)
	if err != nil {
		g.t.Fatal(err)
	}
	golden.Near(g.t, prefix+"hidden_states", g.host(states), rows, 1e-5)
	return states, ones
}

// denoiser is one for the file's clip, of a size in latents.
func (g *reference) denoiser(s size, moments int64) *denoiser {
	c := g.p.c.Transformer
	d := &denoiser{c: c, graphs: g.p.graphs, cond: g.prompt("", "cond"), guidance: g.guidance(),
		video: c.videoPositions(s.frames, s.height, s.width, g.call.FPS), audio: c.audioPositions(moments)}
	if d.guidance.uncond() {
		d.uncond = g.prompt("negative_", "uncond")
	}
	return d
}

// walk denoises and compares sigmas, and every step.
func (g *reference) walk(d *denoiser, stage int, now latents, prefix string) latents {
	g.t.Helper()
	cfg, opt := order{}.scheduleOf(g, d.video.tokens(), stage)
	sched, err := schedule.New(cfg, opt)
	if err != nil {
		g.t.Fatal(err)
	}
	g.near(prefix+"sigmas", sched.Sigmas(), 1e-6)
	var all []step
	if err := d.denoise(context.Background(), cfg, opt, now, func(s step) error {
		s.velocity = latents{slices.Clone(s.velocity.video), slices.Clone(s.velocity.audio)}
		s.now = latents{slices.Clone(s.now.video), slices.Clone(s.now.audio)}
		all = append(all, s)
		return nil
	}); err != nil {
		g.t.Fatal(err)
	}
	g.steps(prefix+"latents_per_step", all, 3e-5, func(s step) []float32 { return s.now.video })
	g.steps(prefix+"audio_latents_per_step", all, 3e-5, func(s step) []float32 { return s.now.audio })
	if slices.Contains(g.Names(), "out."+prefix+"audio_velocity_guided_per_step") {
		g.steps(prefix+"audio_velocity_guided_per_step", all, 5e-5, func(s step) []float32 { return s.velocity.audio })
		g.steps(prefix+"velocity_guided_per_step", all, 5e-5, func(s step) []float32 { return g.stepped(d, s) })
	}
	return now
}

// stepped is the velocity that the reference's scheduler got: in rows, or without the held frame as latents.
func (g *reference) stepped(d *denoiser, s step) []float32 {
	if d.held == nil {
		return s.velocity.video
	}
	k := g.call.Latent
	plane := int(k[1] * k[2] * d.c.InChannels)
	return unpacked(s.velocity.video[plane:], k[0]-1, k[1], k[2]).Float32()
}

func (g *reference) steps(name string, all []step, tolerance float64, of func(step) []float32) {
	g.t.Helper()
	want, _ := g.Tensor("out." + name)
	each := len(want) / len(all)
	for i, s := range all {
		golden.Near(g.t, fmt.Sprintf("%s %d", name, i+1), of(s), want[i*each:(i+1)*each], tolerance)
	}
}

// scheduleOf is schedule for the file's steps and lists.
func (o order) scheduleOf(g *reference, tokens int64, stage int) (schedule.Config, schedule.Options) {
	g.p.c.Scheduler.Class = "FlowMatchEulerDiscreteScheduler"
	o.r.Steps = g.call.Steps
	return o.schedule(g.p, tokens, stage)
}

func (g *reference) latent() size {
	return size{g.call.Latent[0], g.call.Latent[1], g.call.Latent[2]}
}

// finish decodes what was made of the file's clip.
func (g *reference) finish(now latents, moments int64) {
	g.t.Helper()
	p, s := g.p, g.latent()
	z := unpacked(p.c.VAE.denormalised(now.video), s.frames, s.height, s.width)
	g.near("latents_denormalised", z.Float32(), 3e-5)
	g.near("video", decoded(g.t, decoder{c: p.c.VAE.VideoVAEConfig, graphs: p.graphs}, z).Float32(), 2e-4)
	a := unpackedSound(p.c.Audio.denormalised(now.audio), moments, p.c.Audio.Latent)
	g.near("audio_latents_denormalised", a.Float32(), 3e-5)
	mel, err := p.mel(context.Background(), a)
	if err != nil {
		g.t.Fatal(err)
	}
	g.near("mel", mel.Float32(), 1e-4)
	wave, err := p.wave(context.Background(), mel)
	if err != nil {
		g.t.Fatal(err)
	}
	g.near("waveform", wave.Float32(), 1e-4)
}

func TestGoldenPipeline(t *testing.T)          { pipelineGolden(t, "ltx2_pipeline") }
func TestGoldenPipelineDistilled(t *testing.T) { pipelineGolden(t, "ltx2_pipeline_distilled") }

func pipelineGolden(t *testing.T, name string) {
	g := openReference(t, name)
	noise := g.tensor("in.audio_latents")
	moments := noise.Shape[2]
	if want := g.p.c.Transformer.moments(g.call.Frames, g.call.FPS); moments != want {
		t.Errorf("%d latents of sound, %d expected", moments, want)
	}
	d := g.denoiser(g.latent(), moments)
	now := g.walk(d, 0, latents{packed(g.tensor("in.latents")), packedSound(noise)}, "")
	g.finish(now, moments)
}

func TestGoldenPipelineImage(t *testing.T) {
	g := openReference(t, "ltx2_pipeline_image")
	noise := g.tensor("in.audio_latents")
	d := g.denoiser(g.latent(), noise.Shape[2])
	img := g.tensor("in.image")
	z, err := g.p.encode(context.Background(), engine.Floats(img.Float32(), 1, 3, 1, img.Shape[2], img.Shape[3]))
	if err != nil {
		t.Fatal(err)
	}
	rows := g.p.c.VAE.normalised(packed(z))
	g.near("image_latents", unpacked(rows, 1, g.call.Latent[1], g.call.Latent[2]).Float32(), 3e-5)
	d.keep(rows, g.latent())
	g.near("conditioning_mask", d.held, 0)
	now := d.begin(latents{}, latents{packed(g.tensor("in.latents")), packedSound(noise)}, 1)
	g.near("initial_latents", now.video, 3e-5)
	now = g.walk(d, 0, now, "")
	g.finish(now, noise.Shape[2])
}

func TestGoldenPipelineTwoStage(t *testing.T) {
	g := openReference(t, "ltx2_pipeline_two_stage")
	var c struct {
		Sigmas   []float64 `json:"sigmas"`
		Second   []float64 `json:"stage_2_sigmas"`
		Scale    float64   `json:"stage_2_noise_scale"`
		Upsample struct {
			AdaIN   float64 `json:"adain_factor"`
			ToneMap float64 `json:"tone_map_compression_ratio"`
		} `json:"upsample"`
		Kept [2]int64 `json:"kept"`
	}
	g.Config(&c)
	g.p.defaults = Defaults{Sigmas: c.Sigmas, StageTwoSigmas: c.Second, AdaIN: c.Upsample.AdaIN, ToneMap: c.Upsample.ToneMap}
	noise, s := g.tensor("in.audio_latents"), g.latent()
	now := g.walk(g.denoiser(s, noise.Shape[2]), 0, latents{packed(g.tensor("in.latents")), packedSound(noise)}, "stage_1.")
	z := unpacked(g.p.c.VAE.denormalised(now.video), s.frames, s.height, s.width)
	g.near("stage_1.latents_denormalised", z.Float32(), 3e-5)
	up, err := g.p.upsample(context.Background(), z)
	if err != nil {
		t.Fatal(err)
	}
	g.near("upsampled", up.Float32(), 5e-5)
	given, err := g.p.upscaled(context.Background(), now, s)
	if err != nil {
		t.Fatal(err)
	}
	larger := size{s.frames, up.Shape[3], up.Shape[4]}
	d := g.denoiser(larger, noise.Shape[2])
	now = d.begin(given, latents{g.tensor("in.noise").Float32(), g.tensor("in.audio_noise").Float32()}, float32(c.Scale))
	now = g.walk(d, 1, now, "stage_2.")
	z = unpacked(g.p.c.VAE.denormalised(now.video), larger.frames, larger.height, larger.width)
	g.near("stage_2.latents_denormalised", z.Float32(), 3e-5)
	g.near("video", sparse(decoded(t, decoder{c: g.p.c.VAE.VideoVAEConfig, graphs: g.p.graphs}, z), c.Kept), 1e-4)
	a := unpackedSound(g.audioStatistics().denormalised(now.audio), noise.Shape[2], noise.Shape[1])
	g.near("stage_2.audio_latents_denormalised", a.Float32(), 3e-5)
}

// audioStatistics are the file's, also where it has no vocoder.
func (g *reference) audioStatistics() statistics {
	mean, _ := g.Tensor("w.audio_vae.latents_mean")
	std, _ := g.Tensor("w.audio_vae.latents_std")
	return statistics{Mean: mean, Std: std, Scale: 1}
}
