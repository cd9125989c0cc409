package vae

import (
	"context"
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

func vaeCase(t *testing.T) (*golden.Case, Config) {
	g := golden.Open(t, "wan_vae")
	var c Config
	g.Config(&c)
	return g, c.WithDefaults()
}

func clipOf(g *golden.Case, name string) engine.Tensor {
	v, shape := g.Tensor(name)
	return engine.Floats(v, shape...)
}

func TestGoldenVAEDecode(t *testing.T) {
	g, c := vaeCase(t)
	pair := openChunked(t, Decoder, c, g.Weights("w."))
	latents := clipOf(g, "in.latents")
	want, _ := g.Tensor("out.decoded")
	for _, size := range []int64{1, latents.Shape[2]} { // frame by frame, and the whole sequence after the first
		got := inPieces(t, pair, Latent, latents, size)
		golden.Near(t, "decoded", got.Float32(Video), want, 1e-4)
	}
	one := inPieces(t, pair, Latent, clipOf(g, "in.latents_one_frame"), 1)
	want, _ = g.Tensor("out.decoded_one_frame")
	golden.Near(t, "decoded_one_frame", one.Float32(Video), want, 1e-4)
}

func TestGoldenVAEEncode(t *testing.T) {
	g, c := vaeCase(t)
	pair := openChunked(t, Encoder, c, g.Weights("w."))
	video := clipOf(g, "in.video")
	for _, size := range []int64{c.TemporalScale(), video.Shape[2]} {
		out := inPieces(t, pair, Video, video, size)
		for _, name := range []string{Mean, LogVar} {
			want, _ := g.Tensor("out." + name)
			golden.Near(t, name, out.Float32(name), want, 1e-4)
		}
	}
}
