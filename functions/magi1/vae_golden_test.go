package magi1

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

// opened runs graphs that a test has opened.
type opened map[string]engine.Session

func (o opened) Run(ctx context.Context, graph string, in engine.Values, resident ...string) (engine.Values, error) {
	return o[graph].Run(ctx, in, resident...)
}

func openVAE(t *testing.T, c VAEConfig, w nn.Source) opened {
	t.Helper()
	encoder, err := Encoder(c, nn.Options{Weights: w})
	e := compiletest.Open(t, encoder, err)
	decoder, err := Decoder(c, nn.Options{Weights: w})
	return opened{graphEncode: e, graphDecode: compiletest.Open(t, decoder, err)}
}

func tensorOf(g *golden.Case, name string) engine.Tensor {
	v, shape := g.Tensor(name)
	return engine.Floats(v, shape...)
}

func TestGoldenVAE(t *testing.T) {
	g := golden.Open(t, "magi_vae")
	var c struct {
		VAEConfig
		Calls map[string]json.RawMessage `json:"calls"`
	}
	g.Config(&c)
	c.VAEConfig = c.WithDefaults()
	graphs := openVAE(t, c.VAEConfig, g.Weights("w."))
	for name, raw := range c.Calls {
		t.Run(name, func(t *testing.T) {
			var call struct {
				Tiling
				Spatial *bool `json:"allow_spatial_tiling"`
			}
			if err := json.Unmarshal(raw, &call); err != nil {
				t.Fatal(err)
			}
			if call.Spatial != nil && !*call.Spatial {
				call.Height, call.Width = 0, 0
			}
			k := coder{c: c.Coder, graphs: graphs, tiling: call.Tiling}
			in, out, run := "video", "mean", k.encode
			if strings.HasPrefix(name, "decode") {
				in, out, run = "latents", "video", k.decode
			}
			got, err := run(context.Background(), tensorOf(g, "in."+name+"."+in))
			if err != nil {
				t.Fatal(err)
			}
			want, _ := g.Tensor("out." + name + "." + out)
			golden.Near(t, name, got.Float32(), want, 1e-4)
		})
	}
}

// The table of positions over other grids, as far as the file has it.
func TestGoldenPositions(t *testing.T) {
	g := golden.Open(t, "magi_vae")
	var c VAEConfig
	g.Config(&c)
	c = c.WithDefaults()
	d := c.Coder
	table, _ := g.Tensor("w.decoder.pos_embed")
	for _, name := range g.List("out.pos_embed.") {
		var to [3]int64
		for i, part := range strings.Split(name, "_") {
			if err := json.Unmarshal([]byte(part), &to[i]); err != nil {
				t.Fatal(err)
			}
		}
		want, _ := g.Tensor("out.pos_embed." + name)
		golden.Near(t, name, stretched(d, table[d.Dim:], to), want, 1e-5)
	}
}

// stretched is the sum that the graph has as three products.
func stretched(d VAECoder, table []float32, to [3]int64) []float32 {
	w, grid := d.stretch(to[0], to[1], to[2]), d.grid()
	f, r, c := w.Float32(vaeFrames), w.Float32(vaeRows), w.Float32(vaeColumns)
	out := make([]float32, 0, to[0]*to[1]*to[2]*d.Dim)
	for a := range to[0] {
		for b := range to[1] {
			for e := range to[2] {
				sum := make([]float64, d.Dim)
				for i := range grid[0] {
					for j := range grid[1] {
						for k := range grid[2] {
							share := float64(f[a*grid[0]+i]) * float64(r[b*grid[1]+j]) * float64(c[e*grid[2]+k])
							at := ((i*grid[1]+j)*grid[2] + k) * d.Dim
							for n := range sum {
								sum[n] += share * float64(table[at+int64(n)])
							}
						}
					}
				}
				for _, v := range sum {
					out = append(out, float32(v))
				}
			}
		}
	}
	return out
}
