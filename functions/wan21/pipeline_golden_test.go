package wan21

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/schedule"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
)

// recorder keeps a copy of the sample after every step.
type recorder struct {
	schedule.Scheduler
	after [][]float32
}

func (r *recorder) Step(sample, output []float32) error {
	err := r.Scheduler.Step(sample, output)
	r.after = append(r.after, append([]float32(nil), sample...))
	return err
}

func silent(int, int, []float32) error { return nil }

func TestGoldenPipeline(t *testing.T) {
	g := golden.Open(t, "wan_pipeline")
	var c struct {
		Transformer TransformerConfig `json:"transformer"`
		VAE         vae.Config        `json:"vae"`
		Steps       int               `json:"steps"`
		Guidance    float32           `json:"guidance_scale"`
		Shift       float64           `json:"flow_shift"`
	}
	g.Config(&c)
	c.Transformer, c.VAE = c.Transformer.WithDefaults(), c.VAE.WithDefaults()
	net, err := Transformer(c.Transformer, nn.Options{Weights: g.Weights("w.transformer.")})
	transformer := compiletest.Open(t, net, err)
	latents := clipOf(g, "in.latents")
	d := &denoiser{c: c.Transformer, session: transformer, frames: latents.Shape[2], height: latents.Shape[3], width: latents.Shape[4],
		cond: clipOf(g, "in.prompt_embeds"), uncond: clipOf(g, "in.negative_prompt_embeds")}
	raw, err := json.Marshal(map[string]any{"_class_name": "UniPCMultistepScheduler", "prediction_type": "flow_prediction",
		"use_flow_sigmas": true, "num_train_timesteps": 1000, "flow_shift": c.Shift})
	if err != nil {
		t.Fatal(err)
	}
	sched, err := schedule.FromJSON(raw, schedule.Options{Steps: c.Steps})
	if err != nil {
		t.Fatal(err)
	}
	rec := &recorder{Scheduler: sched}
	if err := d.denoise(context.Background(), rec, latents.Float32(), c.Guidance, silent); err != nil {
		t.Fatal(err)
	}
	want, _ := g.Tensor("out.latents_per_step")
	each := len(want) / c.Steps
	for i, got := range rec.after {
		golden.Near(t, fmt.Sprintf("latents after step %d", i+1), got, want[i*each:(i+1)*each], 1e-4)
	}
	run := vae.Chunked{Sessions: alreadyOpen(map[string]engine.Session{"first": decoder(t, g, c.VAE, true), "next": decoder(t, g, c.VAE, false)}),
		First: "first", Next: "next"}
	defer run.Close()
	z, pieces := c.VAE.Denormalise(engine.Floats(rec.after[c.Steps-1], latents.Shape...)), []engine.Tensor(nil)
	for at := range z.Shape[2] {
		out, err := run.Run(context.Background(), vae.Latent, vae.Frames(z, at, at+1))
		if err != nil {
			t.Fatal(err)
		}
		pieces = append(pieces, out[vae.Video].(engine.Tensor))
	}
	got, err := vae.Join(pieces)
	if err != nil {
		t.Fatal(err)
	}
	video, _ := g.Tensor("out.video")
	for i, v := range got.Float32() { // the reference cuts off at its end, we where bytes are made
		got.Float32()[i] = min(max(v, -1), 1)
	}
	golden.Near(t, "video", got.Float32(), video, 1e-4)
}

func decoder(t *testing.T, g *golden.Case, c vae.Config, first bool) engine.Session {
	net, err := vae.Decoder(c, first, nn.Options{Weights: g.Weights("w.vae.")})
	return compiletest.Open(t, net, err)
}

func clipOf(g *golden.Case, name string) engine.Tensor {
	v, shape := g.Tensor(name)
	return engine.Floats(v, shape...)
}
