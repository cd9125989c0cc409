package wan

import (
	"context"
	"encoding/json"
	"image"
	"image/color"
	"maps"
	"os"
	"path/filepath"
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

// reference is a file that testdata/reference.py made: image_to_video.safetensors, or first_last.safetensors with two pictures.
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

func (r reference) has(name string) bool {
	_, err := r.File.Info(name)
	return err == nil
}

// image is one of the file's pictures, nil where it has none of that name.
func (r reference) image(name string) image.Image {
	if !r.has(name) {
		return nil
	}
	t := r.tensor(name)
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
		graphDecodeFirst: open(vae.Decoder(c.VAE, true, from("vae"))),
		graphDecodeNext:  open(vae.Decoder(c.VAE, false, from("vae"))),
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

func TestImageToVideoAgainstDiffusers(t *testing.T)      { imageGolden(t, "image_to_video") }
func TestFirstAndLastImageAgainstDiffusers(t *testing.T) { imageGolden(t, "first_last") }

// referenceFile is the file of that name in GOLDENS where it lies there, else the committed one.
func referenceFile(t *testing.T, name string) reference {
	t.Helper()
	path := filepath.Join(os.Getenv("GOLDENS"), name+".safetensors")
	if _, err := os.Stat(path); os.Getenv("GOLDENS") == "" || err != nil {
		path = filepath.Join("testdata", name+".safetensors")
	}
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return reference{f, t}
}

func imageGolden(t *testing.T, name string) {
	ref, ctx := referenceFile(t, name), context.Background()
	var by map[string]json.RawMessage
	var run struct {
		Steps    int     `json:"steps"`
		Guidance float32 `json:"guidance_scale"`
		Frames   int     `json:"num_frames"`
	}
	for _, to := range []any{&by, &run} {
		if err := json.Unmarshal([]byte(ref.Metadata()["config"]), to); err != nil {
			t.Fatal(err)
		}
	}
	p, first, last := ref.pipeline(by), ref.image("in.image"), ref.image("in.last_image")
	if two := p.lastImage() == "required"; two != (last != nil) {
		t.Fatalf("the model takes two pictures: %v; the file has a last one: %v", two, last != nil)
	}
	var pixels []float32
	for _, img := range []image.Image{first, last} {
		if img != nil {
			pixels = append(pixels, p.c.ImageProcessor.pixels(img).Float32()...)
		}
	}
	golden.Near(t, "pixels", pixels, ref.tensor("out.pixels").Float32(), 1e-6)

	latents := ref.tensor("in.latents")
	d := &denoiser{c: p.c.Transformer, first: always(graph(t, p, graphTransformer), run.Guidance), frames: latents.Shape[2], height: latents.Shape[3], width: latents.Shape[4],
		cond: ref.tensor("in.prompt_embeds"), uncond: ref.tensor("in.negative_prompt_embeds")}
	r := handler.Request{Width: first.Bounds().Dx(), Height: first.Bounds().Dy(), NumFrames: run.Frames, Image: first, LastImage: last}
	if err := p.conditionOnImage(ctx, r, d); err != nil {
		t.Fatal(err)
	}
	golden.Near(t, "condition", d.condition, ref.tensor("out.condition").Float32(), 1e-4)
	golden.Near(t, "hidden", d.image.Float32(), ref.tensor("out.hidden").Float32(), 1e-4)
	sched, err := schedule.FromJSON(p.c.Scheduler, schedule.Options{Steps: run.Steps})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.denoise(ctx, sched, latents.Float32(), silent); err != nil {
		t.Fatal(err)
	}
	golden.Near(t, "latents", latents.Float32(), ref.tensor("out.latents").Float32(), 1e-4)
	if ref.has("out.video") {
		golden.Near(t, "video", shown(t, p, latents), ref.tensor("out.video").Float32(), 1e-4)
	}
}

// shown is the clip of finished latents as diffusers gives it: [frames, 3, height, width] from 0 to 1.
func shown(t *testing.T, p *Pipeline, latents engine.Tensor) (all []float32) {
	t.Helper()
	if err := p.decode(context.Background(), handler.Request{}, latents, func(piece engine.Tensor) error {
		for f := range piece.Shape[2] {
			for _, v := range vae.Frames(piece, f, f+1).Float32() {
				all = append(all, min(max(v, -1), 1)/2+0.5)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}
