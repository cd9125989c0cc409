package wan

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
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
	given [][]float32 // the velocities, before each step
}

func (r *recorder) Step(sample, output []float32) error {
	r.given = append(r.given, append([]float32(nil), output...))
	err := r.Scheduler.Step(sample, output)
	r.after = append(r.after, append([]float32(nil), sample...))
	return err
}

func silent(int, int, []float32) error { return nil }

// always is an expert that is open.
func always(s engine.Session, guidance float32) expert {
	return expert{func(context.Context) (engine.Session, error) { return s, nil }, guidance}
}

func TestGoldenPipeline(t *testing.T)      { pipelineGolden(t, "wan_pipeline", 1e-4) }
func TestGoldenPipelineA14B(t *testing.T)  { pipelineGolden(t, "wan22_pipeline_a14b", 5e-5) }
func TestGoldenPipelineTI2V(t *testing.T)  { pipelineGolden(t, "wan22_pipeline_ti2v", 5e-5) }
func TestGoldenPipelineImage(t *testing.T) { pipelineGolden(t, "wan22_pipeline_ti2v_image", 5e-5) }

// pipelineGolden walks the whole of a golden pipeline: the latents after every step, and the clip.
func pipelineGolden(t *testing.T, name string, tolerance float64) {
	g := golden.Open(t, name)
	var c struct {
		PipelineConfig
		Transformer TransformerConfig  `json:"transformer"`
		Second      *TransformerConfig `json:"transformer_2"`
		VAE         vae.Config         `json:"vae"`
		Steps       int                `json:"steps"`
		Guidance    float32            `json:"guidance_scale"`
		Guidance2   float32            `json:"guidance_scale_2"`
		Shift       float64            `json:"flow_shift"`
	}
	g.Config(&c)
	c.Transformer, c.VAE = c.Transformer.WithDefaults(), c.VAE.WithDefaults()
	c.Transformer.PerToken = c.Expand
	open := func(component string, t1 TransformerConfig) engine.Session {
		net, err := namedTransformer(component, t1, nn.Options{Weights: g.Weights("w." + component + ".")})
		return compiletest.Open(t, net, err)
	}
	latents := clipOf(g, "in.latents")
	d := &denoiser{c: c.Transformer, first: always(open("transformer", c.Transformer), c.Guidance), frames: latents.Shape[2], height: latents.Shape[3], width: latents.Shape[4],
		cond: clipOf(g, "in.prompt_embeds"), uncond: clipOf(g, "in.negative_prompt_embeds")}
	if c.Second != nil {
		low := always(open("transformer_2", c.Second.WithDefaults()), c.Guidance2)
		d.second, d.boundary = &low, configs{Second: c.Second, Pipeline: c.PipelineConfig}.boundary(1000)
	}
	var still []float32
	if slices.Contains(g.Names(), "in.image") {
		image := clipOf(g, "in.image")
		s := image.Shape
		enc := vae.Coder{Config: c.VAE, Sessions: alreadyOpen(map[string]engine.Session{"first": encoder(t, g, c.VAE, true)}), First: "first", Next: "next"}
		z, err := enc.Encode(context.Background(), engine.Floats(image.Float32(), 1, s[1], 1, s[2], s[3]))
		if err != nil {
			t.Fatal(err)
		}
		d.still = c.VAE.Normalise(z)
		still = d.still.Float32()
	}
	raw, err := json.Marshal(map[string]any{"_class_name": "UniPCMultistepScheduler", "prediction_type": "flow_prediction",
		"use_flow_sigmas": true, "num_train_timesteps": 1000, "flow_shift": c.Shift})
	if err != nil {
		t.Fatal(err)
	}
	sched, err := schedule.FromJSON(raw, schedule.Options{Steps: c.Steps})
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(g.Names(), "out.sigmas") { // the first batch has none
		sigmas, _ := g.Tensor("out.sigmas")
		golden.Near(t, "sigmas", sched.Sigmas(), sigmas, 1e-6)
	}
	rec := &recorder{Scheduler: sched}
	final := latents.Float32()
	if err := d.denoise(context.Background(), rec, final, silent); err != nil {
		t.Fatal(err)
	}
	for what, got := range map[string][][]float32{"latents": rec.after, "velocity": rec.given} {
		if !slices.Contains(g.Names(), "out."+what+"_per_step") {
			continue
		}
		want, _ := g.Tensor("out." + what + "_per_step")
		each := len(want) / c.Steps
		for i := range got {
			golden.Near(t, fmt.Sprintf("%s of step %d", what, i+1), got[i], want[i*each:(i+1)*each], tolerance)
		}
	}
	if plane := int(d.height * d.width); still != nil && !slices.Equal(final[:plane], still[:plane]) {
		t.Error("the first frame is not the image's")
	}
	dec := vae.Coder{Config: c.VAE, Sessions: alreadyOpen(map[string]engine.Session{"first": decoder(t, g, c.VAE, true), "next": decoder(t, g, c.VAE, false)}), First: "first", Next: "next"}
	var pieces []engine.Tensor
	if err := dec.Decode(context.Background(), c.VAE.Denormalise(engine.Floats(final, latents.Shape...)), func(clip engine.Tensor) error {
		pieces = append(pieces, clip)
		return nil
	}); err != nil {
		t.Fatal(err)
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

func encoder(t *testing.T, g *golden.Case, c vae.Config, first bool) engine.Session {
	net, err := vae.Encoder(c, first, nn.Options{Weights: g.Weights("w.vae.")})
	return compiletest.Open(t, net, err)
}

func decoder(t *testing.T, g *golden.Case, c vae.Config, first bool) engine.Session {
	net, err := vae.Decoder(c, first, nn.Options{Weights: g.Weights("w.vae.")})
	return compiletest.Open(t, net, err)
}

func clipOf(g *golden.Case, name string) engine.Tensor {
	v, shape := g.Tensor(name)
	return engine.Floats(v, shape...)
}
