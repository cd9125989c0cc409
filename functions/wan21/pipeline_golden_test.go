package wan21

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/schedule"
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
		VAE         VAEConfig         `json:"vae"`
		Steps       int               `json:"steps"`
		Guidance    float32           `json:"guidance_scale"`
		Shift       float64           `json:"flow_shift"`
	}
	g.Config(&c)
	c.Transformer, c.VAE = c.Transformer.WithDefaults(), c.VAE.WithDefaults()
	net, err := Transformer(c.Transformer, g.Weights("w.transformer."))
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
	pair := openChunked(t, Decoder, c.VAE, g.Weights("w.vae."))
	got := inPieces(t, pair, vaeLatent, c.VAE.denormalise(engine.Floats(rec.after[c.Steps-1], latents.Shape...)), 1)
	video, _ := g.Tensor("out.video")
	golden.Near(t, "video", got.Float32(vaeVideo), video, 1e-4)
}
