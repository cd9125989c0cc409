package ltx2

import (
	"context"
	"fmt"
	"runtime"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/footprint"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
)

// tiling cuts what is decoded: the picture into tiles, in pixels, and the clip into chunks of frames. Both overlap, and the
// result goes linearly from the one to the other.
type tiling struct {
	picture             *vae.Tiling // nil: whole pictures
	frames, strideFrame int64       // 0: all frames at once
}

// published is the tiling that the reference uses when it is asked to tile.
var published = tiling{picture: &vae.Tiling{Height: 512, Width: 512, StrideHeight: 448, StrideWidth: 448}, frames: 16, strideFrame: 8}

// decoder turns latents into pixels.
type decoder struct {
	c      VideoVAEConfig
	graphs graphs
	tiling tiling
}

// decode gives the frames of latents [1, z, T, h, w] as they are done: clips [1, 3, frames, H, W], about −1…1.
func (d decoder) decode(ctx context.Context, z engine.Tensor, emit func(clip engine.Tensor) error) error {
	scale := d.c.TemporalScale()
	least, stride := d.tiling.frames/scale, d.tiling.strideFrame/scale
	if d.tiling.frames == 0 || z.Shape[2] <= least {
		clip, err := d.pictures(ctx, z)
		if err != nil {
			return err
		}
		return emit(clip)
	}
	if stride < 1 || stride > least {
		return fmt.Errorf("chunks of %d frames, %d apart, for latent frames of %d: %w", d.tiling.frames, d.tiling.strideFrame, scale, errdefs.ErrInvalidArgument)
	}
	return d.chunks(ctx, z, least, stride, emit)
}

// chunks decodes one latent frame more than a chunk has, so that it begins as a clip does; all but the first lose their last
// frame. What is done is handed to emit beside the work on the next chunk.
func (d decoder) chunks(ctx context.Context, z engine.Tensor, least, stride int64, emit func(clip engine.Tensor) error) error {
	left := (z.Shape[2]-1)*d.c.TemporalScale() + 1
	given := func() error { return nil } // waits for the chunk before
	defer func() { _ = given() }()       // whose error comes second to one that ends the loop
	var before engine.Tensor
	for at := int64(0); at < z.Shape[2] && left > 0; at += stride {
		clip, err := d.pictures(ctx, vae.Frames(z, at, min(at+least+1, z.Shape[2])))
		if err != nil {
			return fmt.Errorf("latent frame %d of %d: %w", at+1, z.Shape[2], err)
		}
		keep := d.tiling.strideFrame
		if at == 0 {
			keep++
		} else {
			clip = vae.Frames(clip, 0, clip.Shape[2]-1)
			vae.Blend(before, clip, 2, d.tiling.frames-d.tiling.strideFrame)
		}
		if err := given(); err != nil {
			return err
		}
		if keep = min(keep, clip.Shape[2], left); keep > 0 {
			done := vae.Frames(clip, 0, keep)
			given = vae.Begin(func() error { return emit(done) })
		}
		left -= keep
		before = clip
		runtime.GC() // what a chunk leaves is as large as what it needs
	}
	return given()
}

// pictures decodes all frames, tile by tile where a tile does not hold the picture.
func (d decoder) pictures(ctx context.Context, z engine.Tensor) (engine.Tensor, error) {
	scale := d.c.SpatialScale()
	if t := d.tiling.picture; t != nil && (z.Shape[3]*scale > t.Height || z.Shape[4]*scale > t.Width) {
		if err := t.Validate(scale); err != nil {
			return engine.Tensor{}, err
		}
		return vae.Tiled(z, t.Over(scale), *t, func(tile engine.Tensor) (engine.Tensor, error) { return d.whole(ctx, tile) })
	}
	return d.whole(ctx, z)
}

func (d decoder) whole(ctx context.Context, z engine.Tensor) (engine.Tensor, error) {
	out, err := d.graphs.Run(ctx, graphDecode, engine.Values{vaeLatents: z}, vaeVideo) // fetched once: the library would do it by a copy of its own
	if err != nil {
		return engine.Tensor{}, err
	}
	defer out.Close()
	return out.Tensor(vaeVideo)
}

// fit is the tiling under which a clip decodes within memory bytes: the whole, else chunks of frames, else tiles of those too.
// 0 is no limit.
func (c VideoVAEConfig) fit(frames, height, width, memory int64) (t tiling, err error) {
	if memory <= 0 {
		return t, nil
	}
	peak, err := c.decodePeak(frames, height, width)
	if err != nil || peak <= memory {
		return t, err
	}
	t.frames, t.strideFrame = published.frames, published.strideFrame
	chunk := t.frames + 1
	if peak, err = c.decodePeak(min(chunk, frames), height, width); err != nil || peak <= memory {
		return t, err
	}
	t.picture = c.tiles(height, width)
	return t, nil
}

// tiles are the published ones, a little closer together where the last would be one latent value wide: a decoder that pads by
// reflection cannot decode such a tile.
func (c VideoVAEConfig) tiles(height, width int64) *vae.Tiling {
	t, scale := *published.picture, c.SpatialScale()
	for _, side := range []struct {
		pixels int64
		stride *int64
	}{{height, &t.StrideHeight}, {width, &t.StrideWidth}} {
		for side.pixels%*side.stride == scale && *side.stride > scale {
			*side.stride -= scale
		}
	}
	return &t
}

// decodePeak is the memory that decoding so many frames at once takes, weights aside, in bytes.
func (c VideoVAEConfig) decodePeak(frames, height, width int64) (int64, error) {
	net, err := VideoDecoder(c, nn.Options{})
	if err != nil {
		return 0, err
	}
	m, err := net.Model()
	if err != nil {
		return 0, err
	}
	scale := c.SpatialScale()
	p, err := footprint.Of(m, map[string]int64{"batch": 1, "frames": (frames-1)/c.TemporalScale() + 1, "height": height / scale, "width": width / scale}, nil)
	return p.Bytes, err
}
