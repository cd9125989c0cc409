package magi1

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
)

type pipelineFile struct {
	Model ModelConfig `json:"model_config"`
	VAEConfig
	Calls map[string]struct {
		Config
		Env      map[string]string `json:"env"`
		Steps    int               `json:"steps"`
		Returned []int             `json:"returned_frames"`
	} `json:"calls"`
}

// Every clip of the file: from noise, text and what was given to pixels.
func TestGoldenPipeline(t *testing.T) {
	goldenPipeline(t, golden.Open(t, "magi_pipeline"))
}

func goldenPipeline(t *testing.T, g *golden.Case) {
	var c pipelineFile
	g.Config(&c)
	c.Model, c.VAEConfig = c.Model.WithDefaults(), c.VAEConfig.WithDefaults()
	graphs := openVAE(t, c.VAEConfig, g.Weights("w.vae."))
	nets, slots := map[bool]*network{}, 0
	for name, call := range c.Calls { // enough for all calls: a slot that no chunk takes does nothing
		_, shape := g.Tensor("in." + name + ".noise")
		slots = max(slots, int(shape[2])/call.Runtime.ChunkWidth)
	}
	for name, call := range c.Calls {
		cfg := call.Config
		cfg.Model = c.Model
		cfg = cfg.WithDefaults()
		if d := cfg.Engine.Distill; nets[d] == nil {
			nets[d] = openTransformer(t, g, "w.transformer.", cfg, slots)
		}
		net := *nets[cfg.Engine.Distill]
		net.slots, net.nearlyCleanAbove = nets[cfg.Engine.Distill].slots, cfg.Engine.NearlyCleanAbove
		t.Run(name, func(t *testing.T) {
			p := pipelineCase{t: t, g: g, name: name, cfg: cfg, net: &net, coder: coder{c: c.Coder, graphs: graphs, tiling: publishedTiling(cfg.Runtime.FPS)}}
			p.run(kindsOf(call.Env), call.Env["NEG_PROMPT"] == "1", call.Steps, call.Returned)
		})
	}
}

type pipelineCase struct {
	t     *testing.T
	g     *golden.Case
	name  string
	cfg   Config
	net   *network
	coder coder
}

func (p pipelineCase) run(kinds []string, negative bool, steps int, returned []int) {
	t, r := p.t, p.cfg.Runtime
	noise, shape := p.g.Tensor("in." + p.name + ".noise")
	p.net.height, p.net.width, p.net.chunkWidth = shape[3], shape[4], int64(r.ChunkWidth)
	w := &walker{net: p.net}
	prefix := 0
	if slices.Contains(p.g.Names(), "in."+p.name+".prefix_pixels") {
		z := p.prefix()
		w.given, prefix = z.Float32(), int(z.Shape[2])
	}
	var err error
	if w.plan, err = newPlan(p.cfg, r.NumFrames/r.TimeFactor, prefix); err != nil {
		t.Fatal(err)
	}
	if w.chunks*r.ChunkWidth != int(shape[2]) || w.total() != steps {
		t.Fatalf("%d chunks, %d steps; want %d frames and %d steps", w.chunks, w.total(), shape[2], steps)
	}
	prompt, _ := p.g.Tensor("in.caption_embs")
	mask, _ := p.g.Ints("in.mask")
	w.captions = captionSet{captionMaker: captionMaker{size: int(p.net.c.CaptionSize), null: p.net.tables.null, special: specialOf(t, p.g), kinds: kinds, negative: negative},
		prompt: prompt, mask: mask, chunks: w.chunks, prefix: w.whole()}
	channels, frames, plane := p.net.channels(), int(shape[2]), p.net.plane()
	w.noise = func(chunk int) []float32 {
		return p.net.frames(noise, frames, chunk*r.ChunkWidth, (chunk+1)*r.ChunkWidth)
	}
	x, each := slices.Clone(noise), channels*frames*plane
	want, _ := p.g.Tensor("out." + p.name + ".latents_per_step")
	w.watch = func(i int, _ step, latents, _ map[int][]float32) {
		for j, v := range latents {
			put(x, v, channels, frames, plane, j*r.ChunkWidth, r.ChunkWidth)
		}
		golden.Near(t, fmt.Sprintf("latents after step %d", i+1), x, want[i*each:(i+1)*each], 1e-4)
	}
	var latents, pixels []engine.Tensor
	var got []int
	err = w.run(context.Background(), func(int, int) {}, func(_ int, v []float32, n int) error {
		z := engine.Floats(v, 1, int64(channels), int64(n), shape[3], shape[4])
		got, latents = append(got, n), append(latents, z)
		video, err := p.coder.decode(context.Background(), scaled(z, 1/r.ScaleFactor))
		pixels = append(pixels, video)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, returned) {
		t.Errorf("chunks of %v latent frames, want %v", got, returned)
	}
	p.check("latents", joinFrames(latents))
	p.check("frames", framesFirst(joinFrames(pixels)))
	p.bytes(framesFirst(joinFrames(pixels)))
}

// prefix encodes the given pixels and compares them with the file's latents.
func (p pipelineCase) prefix() engine.Tensor {
	raw, err := p.g.Raw("in." + p.name + ".prefix_pixels")
	if err != nil {
		p.t.Fatal(err)
	}
	info, _ := p.g.Info("in." + p.name + ".prefix_pixels")
	s := info.Shape // [frames, height, width, 3]
	v, plane := make([]float32, len(raw)), int(s[1]*s[2])
	for i, b := range raw {
		frame, at, ch := i/3/plane, i/3%plane, i%3
		v[(ch*int(s[0])+frame)*plane+at] = fromByte(b)
	}
	z, err := p.coder.encode(context.Background(), engine.Floats(v, 1, 3, s[0], s[1], s[2]))
	if err != nil {
		p.t.Fatal(err)
	}
	z = scaled(z, p.cfg.Runtime.ScaleFactor)
	p.check("prefix_latents", z)
	return z
}

func (p pipelineCase) check(what string, got engine.Tensor) {
	p.t.Helper()
	want, shape := p.g.Tensor("out." + p.name + "." + what)
	if !slices.Equal(got.Shape, shape) {
		p.t.Errorf("%s has the shape %v, want %v", what, got.Shape, shape)
		return
	}
	golden.Near(p.t, what, got.Float32(), want, 1e-4)
}

func (p pipelineCase) bytes(frames engine.Tensor) {
	want, err := p.g.Raw("out." + p.name + ".frames_uint8")
	if err != nil {
		p.t.Fatal(err)
	}
	most := float32(0)
	for _, v := range frames.Float32() {
		most = max(most, v, -v)
	}
	slack := 1 + int(golden.Tolerance(p.t, 1e-4)*float64(most)*127.5) // frames may be off by so much
	for i, v := range frames.Float32() {
		if d := int(toByte(v)) - int(want[i]); d < -slack || d > slack {
			p.t.Fatalf("byte %d is %d, want %d", i, toByte(v), want[i])
		}
	}
}

func joinFrames(clips []engine.Tensor) engine.Tensor { return vae.Beside(clips, 2) }

// framesFirst is [T, C, H, W] of [1, C, T, H, W].
func framesFirst(clip engine.Tensor) engine.Tensor {
	s := clip.Shape
	plane := s[3] * s[4]
	out := make([]float32, 0, len(clip.Float32()))
	for t := range s[2] {
		for c := range s[1] {
			out = append(out, clip.Float32()[(c*s[2]+t)*plane:][:plane]...)
		}
	}
	return engine.Floats(out, s[2], s[1], s[3], s[4])
}
