package magi1

import (
	"context"
	"fmt"
	"slices"

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
	t := tiler{clip: clip, axes: axes, inPlace: inPlace, run: run}
	for i := range t.axes {
		if t.axes[i].size == 0 { // the whole side
			t.axes[i] = axis{size: clip.Shape[2+i], stride: clip.Shape[2+i], keep: 1 << 40}
		}
		t.counts[i] = (clip.Shape[2+i] + t.axes[i].stride - 1) / t.axes[i].stride
	}
	var slabs []engine.Tensor
	for f := range t.counts[0] {
		slab, err := t.slab(f)
		if err != nil {
			return slab, err
		}
		slabs = append(slabs, slab)
	}
	return vae.Beside(slabs, 2), nil
}

// tiler is a clip on its way through tiles.
type tiler struct {
	clip         engine.Tensor
	axes         [3]axis
	counts       [3]int64
	inPlace      bool
	run          func(engine.Tensor) (engine.Tensor, error)
	before, here []engine.Tensor // the tiles of the stretch of frames before, and of this one, row by row
}

// slab is one stretch of frames.
func (t *tiler) slab(f int64) (engine.Tensor, error) {
	t.before, t.here = t.here, nil
	var rows []engine.Tensor
	for i := range t.counts[1] {
		var row []engine.Tensor
		for j := range t.counts[2] {
			tile, err := t.tile(f, i, j)
			if err != nil {
				return tile, fmt.Errorf("tile %d, %d, %d: %w", f, i, j, err)
			}
			row = append(row, tile)
		}
		rows = append(rows, vae.Beside(row, 4))
	}
	return vae.Beside(rows, 3), nil
}

// tile is what stays of one tile, blended with those before, above and left of it in this order.
func (t *tiler) tile(f, i, j int64) (engine.Tensor, error) {
	a, across := t.axes, t.counts[2]
	raw, err := t.run(cut(t.clip, [3]int64{f * a[0].stride, i * a[1].stride, j * a[2].stride}, [3]int64{a[0].size, a[1].size, a[2].size}))
	if err != nil {
		return raw, err
	}
	tile := raw
	if !t.inPlace {
		tile = engine.Floats(slices.Clone(raw.Float32()), raw.Shape...)
	}
	if f > 0 {
		vae.Blend(t.before[i*across+j], tile, 2, a[0].blend)
	}
	if i > 0 {
		vae.Blend(t.here[(i-1)*across+j], tile, 3, a[1].blend)
	}
	if j > 0 {
		vae.Blend(t.here[i*across+j-1], tile, 4, a[2].blend)
	}
	t.here = append(t.here, raw)
	return cut(tile, [3]int64{}, [3]int64{a[0].keep, a[1].keep, a[2].keep}), nil
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
