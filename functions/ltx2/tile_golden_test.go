package ltx2

import (
	"context"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
)

// opened are sessions by their graphs' names.
type opened map[string]engine.Session

func (o opened) Run(ctx context.Context, graph string, in engine.Values, resident ...string) (engine.Values, error) {
	return o[graph].Run(ctx, in, resident...)
}

func TestGoldenTiling(t *testing.T) {
	g := golden.Open(t, "ltx2_vae_tiling")
	var c struct {
		VideoVAEConfig
		Tiling struct {
			Height       int64 `json:"tile_sample_min_height"`
			Width        int64 `json:"tile_sample_min_width"`
			StrideHeight int64 `json:"tile_sample_stride_height"`
			StrideWidth  int64 `json:"tile_sample_stride_width"`
			Frames       int64 `json:"tile_sample_min_num_frames"`
			StrideFrames int64 `json:"tile_sample_stride_num_frames"`
		} `json:"tiling"`
		Cases map[string][2]bool `json:"cases"`
		Kept  [2]int64           `json:"kept"`
	}
	g.Config(&c)
	c.VideoVAEConfig = c.WithDefaults()
	net, err := VideoDecoder(c.VideoVAEConfig, nn.Options{Weights: g.Weights("w.")})
	s := compiletest.Open(t, net, err)
	z, shape := g.Tensor("in.latents")
	c.Cases["plain"] = [2]bool{}
	for name, which := range c.Cases {
		d := decoder{c: c.VideoVAEConfig, graphs: opened{graphDecode: s}}
		if which[0] {
			d.tiling.picture = &vae.Tiling{Height: c.Tiling.Height, Width: c.Tiling.Width, StrideHeight: c.Tiling.StrideHeight, StrideWidth: c.Tiling.StrideWidth}
		}
		if which[1] {
			d.tiling.frames, d.tiling.strideFrame = c.Tiling.Frames, c.Tiling.StrideFrames
		}
		got := decoded(t, d, engine.Floats(z, shape...))
		want, _ := g.Tensor("out.decoded_" + name)
		golden.Near(t, name, sparse(got, c.Kept), want, 5e-5)
	}
}

// decoded are all frames in one.
func decoded(t *testing.T, d decoder, z engine.Tensor) engine.Tensor {
	t.Helper()
	var parts []engine.Tensor
	if err := d.decode(context.Background(), z, func(clip engine.Tensor) error { parts = append(parts, clip); return nil }); err != nil {
		t.Fatal(err)
	}
	clip, err := vae.Join(parts)
	if err != nil {
		t.Fatal(err)
	}
	return clip
}

// sparse keeps every kept[0]th row and kept[1]th column.
func sparse(clip engine.Tensor, kept [2]int64) (out []float32) {
	h, w := clip.Shape[3], clip.Shape[4]
	for at, v := range clip.Float32() {
		if i := int64(at); i/w%h%kept[0] == 0 && i%w%kept[1] == 0 {
			out = append(out, v)
		}
	}
	return out
}

// The released decoder at 768 × 512, 121 frames: what has no limit or fits is whole, then come chunks, then tiles.
func TestTilingFits(t *testing.T) {
	c := VideoVAEConfig{Latent: 128, Channels: []int64{256, 512, 1024, 2048}, Layers: []int64{4, 6, 6, 2, 2}, Scaling: []bool{true, true, true, true},
		Down: []string{"spatial", "temporal", "spatiotemporal", "spatiotemporal"}, DecChannels: []int64{256, 512, 1024}, DecLayers: []int64{5, 5, 5, 5},
		DecScaling: []bool{true, true, true}, UpResidual: []bool{true, true, true}, UpFactor: []int64{2, 2, 2}, DecoderPadding: "reflect"}.WithDefaults()
	if c.SpatialScale() != 32 || c.TemporalScale() != 8 {
		t.Fatal(c.SpatialScale(), c.TemporalScale())
	}
	whole, err := c.decodePeak(121, 512, 768)
	if err != nil {
		t.Fatal(err)
	}
	chunk, err := c.decodePeak(17, 512, 768)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the whole takes %.2f GB, a chunk %.2f GB", float64(whole)/1e9, float64(chunk)/1e9)
	for memory, want := range map[int64][2]bool{0: {}, whole: {}, whole - 1: {true, false}, chunk - 1: {true, true}} {
		got, err := c.fit(121, 512, 768, memory)
		if err != nil || (got.frames > 0) != want[0] || (got.picture != nil) != want[1] {
			t.Errorf("%d bytes: %+v, %v", memory, got, err)
		}
	}
	if w := c.tiles(480, 928); w.StrideHeight != 416 || w.StrideWidth == 896 || 928%w.StrideWidth == 32 || 480%w.StrideHeight == 32 {
		t.Errorf("%+v", w)
	}
}
