package magi1

import (
	"context"
	"fmt"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
)

// Tiling is how clips are cut for the VAE, in pixels and frames: tiles of Height × Width × Frames, of which a share overlaps the
// next. Sides of zero are the whole picture.
type Tiling struct {
	Height        int64   `json:"tile_sample_min_height"`
	Width         int64   `json:"tile_sample_min_width"`
	Frames        int64   `json:"tile_sample_min_length"`
	SpatialShare  float64 `json:"spatial_tile_overlap_factor"`
	TemporalShare float64 `json:"temporal_tile_overlap_factor"`
}

// publishedTiling is the pipeline's: half a second, and a quarter of a square of 256 in common.
func publishedTiling(fps int) Tiling {
	return Tiling{Height: 256, Width: 256, Frames: int64(fps / 2), SpatialShare: 0.25}
}

// runner runs a graph by its name.
type runner interface {
	Run(ctx context.Context, graph string, in engine.Values, resident ...string) (engine.Values, error)
}

// coder runs the VAE over whole clips, tile by tile.
type coder struct {
	c      VAECoder
	graphs runner
	tiling Tiling
}

// axis is how one side is cut.
type axis struct {
	size, stride int64 // of the tiles that go in
	keep, blend  int64 // of those that come out: how much stays, and how much of it is blended
}

// axes cuts frames, rows and columns of what a coder takes: pixels when it encodes, latents when it decodes.
func (k coder) axes(encode bool) [3]axis {
	t, c := k.tiling, k.c
	cut := func(size, patch int64, share float64) axis {
		latent := size / patch
		if encode {
			blend := int64(float64(latent) * share)
			return axis{size: size, stride: int64(float64(size) * (1 - share)), keep: latent - blend, blend: blend}
		}
		blend := int64(float64(latent*patch) * share)
		return axis{size: latent, stride: int64(float64(latent) * (1 - share)), keep: latent*patch - blend, blend: blend}
	}
	return [3]axis{cut(t.Frames, c.PatchLength, t.TemporalShare), cut(t.Height, c.PatchSize, t.SpatialShare), cut(t.Width, c.PatchSize, t.SpatialShare)}
}

// encode is the means of latents for pixels [1, 3, T, H, W] in [−1, 1]. One frame is encoded as a patch of equal ones.
func (k coder) encode(ctx context.Context, video engine.Tensor) (engine.Tensor, error) {
	return k.tiled(video, k.axes(true), true, func(tile engine.Tensor) (engine.Tensor, error) { return k.encodeTile(ctx, tile) })
}

// decode is the pixels of latents, not cut off at ±1. A tile of one latent frame gives one frame.
func (k coder) decode(ctx context.Context, latent engine.Tensor) (engine.Tensor, error) {
	return k.tiled(latent, k.axes(false), false, func(tile engine.Tensor) (engine.Tensor, error) { return k.decodeTile(ctx, tile) })
}

func (k coder) encodeTile(ctx context.Context, tile engine.Tensor) (engine.Tensor, error) {
	if tile.Shape[2] == 1 {
		tile = repeatFrame(tile, k.c.PatchLength)
	}
	s := tile.Shape
	in := k.c.stretch(s[2]/k.c.PatchLength, s[3]/k.c.PatchSize, s[4]/k.c.PatchSize)
	in[vaeVideo] = tile
	out, err := k.graphs.Run(ctx, graphEncode, in)
	if err != nil {
		return engine.Tensor{}, err
	}
	moments, err := out.Tensor(vaeMoments)
	if err != nil {
		return engine.Tensor{}, err
	}
	return channels(moments, k.c.ZChannels), nil
}

func (k coder) decodeTile(ctx context.Context, tile engine.Tensor) (engine.Tensor, error) {
	s := tile.Shape
	in := k.c.stretch(s[2], s[3], s[4])
	in[vaeLatent] = tile
	out, err := k.graphs.Run(ctx, graphDecode, in)
	if err != nil {
		return engine.Tensor{}, err
	}
	video, err := out.Tensor(vaeVideo)
	if err == nil && s[2] == 1 {
		video = cut(video, [3]int64{}, [3]int64{1, video.Shape[3], video.Shape[4]})
	}
	return video, err
}

// tiled runs every tile and puts the results together. inPlace blends with neighbours that are blended already, as the published
// encoder does; its decoder blends with them as they came.
func (k coder) tiled(clip engine.Tensor, axes [3]axis, inPlace bool, run func(engine.Tensor) (engine.Tensor, error)) (engine.Tensor, error) {
	counts, size := [3]int64{}, [3]int64{}
	for i := range axes {
		if axes[i].size == 0 { // the whole side
			axes[i] = axis{size: clip.Shape[2+i], stride: clip.Shape[2+i], keep: 1 << 40}
		}
		counts[i] = (clip.Shape[2+i] + axes[i].stride - 1) / axes[i].stride
		size[i] = axes[i].size
	}
	var before, slabs []engine.Tensor // the tiles of the stretch of frames before; finished stretches
	for f := range counts[0] {
		var here, rows []engine.Tensor
		for i := range counts[1] {
			var row []engine.Tensor
			for j := range counts[2] {
				tile, err := run(cut(clip, [3]int64{f * axes[0].stride, i * axes[1].stride, j * axes[2].stride}, size))
				if err != nil {
					return tile, fmt.Errorf("tile %d, %d, %d: %w", f, i, j, err)
				}
				raw := tile
				if !inPlace {
					tile = engine.Floats(append([]float32(nil), raw.Float32()...), raw.Shape...)
				}
				if f > 0 {
					vae.Blend(before[i*counts[2]+j], tile, 2, axes[0].blend)
				}
				if i > 0 {
					vae.Blend(here[(i-1)*counts[2]+j], tile, 3, axes[1].blend)
				}
				if j > 0 {
					vae.Blend(here[i*counts[2]+j-1], tile, 4, axes[2].blend)
				}
				here = append(here, raw)
				row = append(row, cut(tile, [3]int64{}, [3]int64{axes[0].keep, axes[1].keep, axes[2].keep}))
			}
			rows = append(rows, vae.Beside(row, 4))
		}
		before, slabs = here, append(slabs, vae.Beside(rows, 3))
	}
	return vae.Beside(slabs, 2), nil
}

// cut is a box of a clip, or what there is of it.
func cut(clip engine.Tensor, from, size [3]int64) engine.Tensor {
	s := clip.Shape
	for i := range size {
		size[i] = min(size[i], s[2+i]-from[i])
	}
	out, v := make([]float32, 0, s[0]*s[1]*size[0]*size[1]*size[2]), clip.Float32()
	for plane := range s[0] * s[1] {
		for t := range size[0] {
			for y := range size[1] {
				at := ((plane*s[2]+from[0]+t)*s[3]+from[1]+y)*s[4] + from[2]
				out = append(out, v[at:at+size[2]]...)
			}
		}
	}
	return engine.Floats(out, s[0], s[1], size[0], size[1], size[2])
}

// channels are the first n of each clip.
func channels(clip engine.Tensor, n int64) engine.Tensor {
	s := clip.Shape
	each := engine.Elements(s[2:])
	var out []float32
	for b := range s[0] {
		out = append(out, clip.Float32()[b*s[1]*each:(b*s[1]+n)*each]...)
	}
	return engine.Floats(out, append([]int64{s[0], n}, s[2:]...)...)
}

// repeatFrame shows a clip's one frame n times.
func repeatFrame(clip engine.Tensor, n int64) engine.Tensor {
	all := make([]engine.Tensor, n)
	for i := range all {
		all[i] = clip
	}
	return vae.Beside(all, 2)
}
