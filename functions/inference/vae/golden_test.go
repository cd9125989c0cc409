package vae

import (
	"context"
	"slices"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

type builder func(c Config, first bool, o nn.Options) (*nn.Net, error)

// pair are open sessions by name.
type pair map[string]engine.Session

func (p pair) Get(_ context.Context, name string) (engine.Session, error) { return p[name], nil }

func openChunked(t *testing.T, build builder, c Config, src nn.Source) pair {
	t.Helper()
	net, err := build(c, true, nn.Options{Weights: src})
	first := compiletest.Open(t, net, err)
	net, err = build(c, false, nn.Options{Weights: src})
	return pair{"first": first, "next": compiletest.Open(t, net, err)}
}

// inPieces runs a clip as one frame and then pieces of size frames, and joins the named outputs.
func inPieces(t *testing.T, s pair, input string, clip engine.Tensor, size int64) engine.Values {
	t.Helper()
	run, parts, out := Chunked{Sessions: s, First: "first", Next: "next"}, map[string][]engine.Tensor{}, engine.Values{}
	defer run.Close()
	for at := int64(0); at < clip.Shape[2]; {
		n := min(size, clip.Shape[2]-at)
		if at == 0 {
			n = 1
		}
		got, err := run.Run(context.Background(), input, Frames(clip, at, at+n))
		if err != nil {
			t.Fatal(err)
		}
		for name, v := range got {
			parts[name] = append(parts[name], v.(engine.Tensor))
		}
		at += n
	}
	for name, p := range parts {
		v, err := Join(p)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = v
	}
	return out
}

func vaeCase(t *testing.T, name string) (*golden.Case, Config) {
	g := golden.Open(t, name)
	var c Config
	g.Config(&c)
	return g, c.WithDefaults()
}

func clipOf(g *golden.Case, name string) engine.Tensor {
	v, shape := g.Tensor(name)
	return engine.Floats(v, shape...)
}

func TestGoldenVAEDecode(t *testing.T)   { decodeGolden(t, "wan_vae", 1e-4) }
func TestGoldenVAE22Decode(t *testing.T) { decodeGolden(t, "wan22_vae", 5e-5) }
func TestGoldenVAEEncode(t *testing.T)   { encodeGolden(t, "wan_vae", 1e-4) }
func TestGoldenVAE22Encode(t *testing.T) { encodeGolden(t, "wan22_vae", 2e-5) }

func decodeGolden(t *testing.T, name string, tolerance float64) {
	g, c := vaeCase(t, name)
	pair := openChunked(t, Decoder, c, g.Weights("w."))
	latents := clipOf(g, "in.latents")
	want, _ := g.Tensor("out.decoded")
	for _, size := range []int64{1, latents.Shape[2]} { // frame by frame, and the whole sequence after the first
		got := inPieces(t, pair, Latent, latents, size)
		golden.Near(t, "decoded", clamped(c.Unpatchify(got[Video].(engine.Tensor)).Float32()), want, tolerance)
	}
	one := inPieces(t, pair, Latent, clipOf(g, "in.latents_one_frame"), 1)
	want, _ = g.Tensor("out.decoded_one_frame")
	golden.Near(t, "decoded_one_frame", clamped(c.Unpatchify(one[Video].(engine.Tensor)).Float32()), want, tolerance)
}

func encodeGolden(t *testing.T, name string, tolerance float64) {
	g, c := vaeCase(t, name)
	pair := openChunked(t, Encoder, c, g.Weights("w."))
	video := clipOf(g, "in.video")
	for _, size := range []int64{c.TemporalScale(), video.Shape[2]} {
		out := inPieces(t, pair, Video, c.Patchify(video), size)
		for _, name := range []string{Mean, LogVar} {
			want, _ := g.Tensor("out." + name)
			golden.Near(t, name, out.Float32(name), want, tolerance)
		}
	}
}

func TestGoldenTiling(t *testing.T)   { tilingGolden(t, "vae_tiling") }
func TestGoldenTiling22(t *testing.T) { tilingGolden(t, "vae_tiling_22") }

func tilingGolden(t *testing.T, file string) {
	g := golden.Open(t, file)
	var c Config
	g.Config(&c)
	var cfg struct {
		Tiling struct {
			Height       int64 `json:"tile_sample_min_height"`
			Width        int64 `json:"tile_sample_min_width"`
			StrideHeight int64 `json:"tile_sample_stride_height"`
			StrideWidth  int64 `json:"tile_sample_stride_width"`
		} `json:"tiling"`
	}
	g.Config(&cfg)
	c = c.WithDefaults()
	for _, tiling := range []*Tiling{nil, {cfg.Tiling.Height, cfg.Tiling.Width, cfg.Tiling.StrideHeight, cfg.Tiling.StrideWidth}} {
		name := map[bool]string{true: "plain", false: "tiled"}[tiling == nil]
		var clips []engine.Tensor
		dec := Coder{Config: c, Sessions: openChunked(t, Decoder, c, g.Weights("w.")), First: "first", Next: "next", Tiling: tiling}
		if err := dec.Decode(context.Background(), clipOf(g, "in.latents"), func(clip engine.Tensor) error { clips = append(clips, clip); return nil }); err != nil {
			t.Fatal(err)
		}
		video, err := Join(clips)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := g.Tensor("out.decoded_" + name)
		golden.Near(t, "decoded "+name, clamped(video.Float32()), want, 5e-5)
		if !slices.Contains(g.Names(), "in.video") { // that of Wan 2.2 decodes only
			continue
		}
		enc := Coder{Config: c, Sessions: openChunked(t, Encoder, c, g.Weights("w.")), First: "first", Next: "next", Tiling: tiling}
		mean, err := enc.Encode(context.Background(), clipOf(g, "in.video"))
		if err != nil {
			t.Fatal(err)
		}
		want, _ = g.Tensor("out.mean_" + name)
		golden.Near(t, "mean "+name, mean.Float32(), want, 5e-5)
	}
}

// clamped cuts off what the reference cuts off at its end, where we make bytes.
func clamped(v []float32) []float32 {
	for i := range v {
		v[i] = min(max(v[i], -1), 1)
	}
	return v
}
