package wan

import (
	"context"
	"encoding/json"
	"image"
	"image/color"
	"maps"
	"slices"
	"testing"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/schedule"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
	"github.com/videosdgx/videosdgx/functions/inference/vision"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// reference is testdata/image_to_video.safetensors, made by testdata/reference.py.
type reference struct {
	*weights.File
	t *testing.T
}

func (r reference) tensor(name string) engine.Tensor {
	r.t.Helper()
	info, err := r.File.Info(name)
	if err != nil {
		r.t.Fatal(err)
	}
	v, err := r.Float32(name)
	if err != nil {
		r.t.Fatal(err)
	}
	return engine.Floats(v, info.Shape...)
}

type under struct {
	reference
	prefix string
}

func (u under) Info(name string) (weights.Info, error) { return u.File.Info(u.prefix + name) }

func (u under) ReadFloat32(name string, at int64, dst []float32) error {
	return u.File.ReadFloat32(u.prefix+name, at, dst)
}

func (r reference) image() image.Image {
	t := r.tensor("in.image")
	img := image.NewRGBA(image.Rect(0, 0, int(t.Shape[1]), int(t.Shape[0])))
	for i, v := 0, t.Float32(); i < len(v); i += 3 {
		img.SetRGBA(i/3%int(t.Shape[1]), i/3/int(t.Shape[1]), color.RGBA{uint8(v[i]), uint8(v[i+1]), uint8(v[i+2]), 255})
	}
	return img
}

// pipeline opens the graphs that an image-to-video clip needs, but for the text encoder.
func (r reference) pipeline(by map[string]json.RawMessage) *Pipeline {
	var c configs
	if err := bundle.Decode(by, map[string]any{"transformer": &c.Transformer, "vae": &c.VAE, "image_encoder": &c.Image,
		"image_processor": &c.ImageProcessor, "scheduler": &c.Scheduler}); err != nil {
		r.t.Fatal(err)
	}
	c.VAE, c.Image = c.VAE.WithDefaults(), c.Image.WithDefaults()
	open := func(net *nn.Net, err error) engine.Session { return compiletest.Open(r.t, net, err) }
	from := func(name string) nn.Options { return nn.Options{Weights: under{r, "w." + name + "."}} }
	return &Pipeline{c: c, sessions: alreadyOpen(map[string]engine.Session{
		graphTransformer: open(Transformer(c.Transformer, from("transformer"))),
		graphEncodeFirst: open(vae.Encoder(c.VAE, true, from("vae"))),
		graphEncodeNext:  open(vae.Encoder(c.VAE, false, from("vae"))),
		graphImage:       open(vision.CLIP(c.Image, from("image_encoder"))),
	})}
}

func graph(t *testing.T, p *Pipeline, name string) engine.Session {
	t.Helper()
	s, err := p.sessions.Get(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// alreadyOpen holds sessions that somebody else closes.
func alreadyOpen(open map[string]engine.Session) *bundle.Sessions {
	return bundle.OpenAll(context.Background(), slices.Collect(maps.Keys(open)), func(_ context.Context, name string) (engine.Session, error) { return open[name], nil })
}

func TestImageToVideoAgainstDiffusers(t *testing.T) {
	f, err := weights.Open("testdata/image_to_video.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	ref := reference{f, t}
	var by map[string]json.RawMessage
	var run struct {
		Steps    int     `json:"steps"`
		Guidance float32 `json:"guidance_scale"`
		Frames   int     `json:"num_frames"`
	}
	for _, to := range []any{&by, &run} {
		if err := json.Unmarshal([]byte(f.Metadata()["config"]), to); err != nil {
			t.Fatal(err)
		}
	}
	p, img, ctx := ref.pipeline(by), ref.image(), context.Background()

	golden.Near(t, "pixels", p.c.ImageProcessor.pixels(img).Float32(), ref.tensor("out.pixels").Float32(), 1e-6)
	got := compiletest.Run(t, graph(t, p, graphImage), engine.Values{vision.Pixels: ref.tensor("out.pixels")})
	golden.Near(t, "hidden", got.Float32(vision.Hidden), ref.tensor("out.hidden").Float32(), 1e-4)

	latents := ref.tensor("in.latents")
	d := &denoiser{c: p.c.Transformer, first: always(graph(t, p, graphTransformer), run.Guidance), frames: latents.Shape[2], height: latents.Shape[3], width: latents.Shape[4],
		cond: ref.tensor("in.prompt_embeds"), uncond: ref.tensor("in.negative_prompt_embeds")}
	r := handler.Request{Width: img.Bounds().Dx(), Height: img.Bounds().Dy(), NumFrames: run.Frames, Image: img}
	if err := p.conditionOnImage(ctx, r, d); err != nil {
		t.Fatal(err)
	}
	golden.Near(t, "condition", d.condition, ref.tensor("out.condition").Float32(), 1e-4)
	d.image = engine.Floats(ref.tensor("out.hidden").Float32(), d.image.Shape...)
	sched, err := schedule.FromJSON(p.c.Scheduler, schedule.Options{Steps: run.Steps})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.denoise(ctx, sched, latents.Float32(), silent); err != nil {
		t.Fatal(err)
	}
	golden.Near(t, "latents", latents.Float32(), ref.tensor("out.latents").Float32(), 1e-4)
}
