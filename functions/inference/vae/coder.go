package vae

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// Coder decodes and encodes whole clips with a pair of causal graphs, in tiles when it is told to.
type Coder struct {
	Config      Config
	Sessions    Opener
	First, Next string // graphs
	// Tiling is nil for whole pictures.
	Tiling *Tiling
	// Lent has Decode use the memory of a clip again when emit has returned, which must not keep it then: fetching a clip into memory that
	// was used before takes a tenth of the time.
	Lent bool
}

// Decode turns latents that are not normalised, [1, z, T, h, w], into frames, about [−1, 1], and hands them to emit as they come:
// as clips [1, 3, frames, H, W], each beside the work on the next one, or the whole clip at once when tiled.
func (c Coder) Decode(ctx context.Context, latents engine.Tensor, emit func(clip engine.Tensor) error) error {
	if c.Tiling == nil || c.Tiling.covers(latents, c.Config.SpatialScale()) {
		return c.pieces(ctx, Latent, Video, latents, 1, c.Lent, func(v engine.Tensor) error { return emit(c.Config.Unpatchify(v)) })
	}
	if err := c.Tiling.Validate(c.Config.SpatialScale()); err != nil {
		return err
	}
	clip, err := Tiled(latents, c.Tiling.Over(c.Config.SpatialScale()), c.Tiling.Over(c.Config.Patch()), func(tile engine.Tensor) (engine.Tensor, error) {
		return c.whole(ctx, Latent, Video, tile, 1)
	})
	if err != nil {
		return err
	}
	return emit(c.Config.Unpatchify(clip))
}

// Encode is the mean of the latents of a clip [1, 3, T, H, W], not normalised.
func (c Coder) Encode(ctx context.Context, clip engine.Tensor) (engine.Tensor, error) {
	step := c.Config.TemporalScale()
	if c.Tiling == nil || c.Tiling.covers(clip, 1) {
		return c.whole(ctx, Video, Mean, c.Config.Patchify(clip), step)
	}
	if err := c.Tiling.Validate(c.Config.SpatialScale()); err != nil {
		return engine.Tensor{}, err
	}
	return Tiled(c.Config.Patchify(clip), c.Tiling.Over(c.Config.Patch()), c.Tiling.Over(c.Config.SpatialScale()), func(tile engine.Tensor) (engine.Tensor, error) {
		return c.whole(ctx, Video, Mean, tile, step)
	})
}

// covers says whether one tile holds all of a clip whose values are scale pixels wide.
func (t Tiling) covers(clip engine.Tensor, scale int64) bool {
	return clip.Shape[3]*scale <= t.Height && clip.Shape[4]*scale <= t.Width
}

// whole runs a clip and joins what comes.
func (c Coder) whole(ctx context.Context, input, output string, clip engine.Tensor, step int64) (engine.Tensor, error) {
	var parts []engine.Tensor
	if err := c.pieces(ctx, input, output, clip, step, false, func(part engine.Tensor) error {
		parts = append(parts, part)
		return nil
	}); err != nil {
		return engine.Tensor{}, err
	}
	return Join(parts)
}

// pieces runs one frame, then step frames at a time. What a piece has become is fetched, so that nothing of it lies on the device in the
// way of the next one, and handed to emit while that one runs. With lent, its memory is emit's only until that returns.
func (c Coder) pieces(ctx context.Context, input, output string, clip engine.Tensor, step int64, lent bool, emit func(engine.Tensor) error) error {
	run := Chunked{Sessions: c.Sessions, First: c.First, Next: c.Next, Kept: []string{output}}
	defer run.Close()
	given := func() error { return nil } // waits for the piece before
	defer func() { _ = given() }()       // whose error comes second to one that ends the loop
	var last, spare engine.Tensor        // memory that emit has, and that it had
	for at, n := int64(0), int64(1); at < clip.Shape[2]; at, n = at+n, step {
		out, err := run.Run(ctx, input, Frames(clip, at, min(at+n, clip.Shape[2])))
		if err != nil {
			return fmt.Errorf("frame %d of %d: %w", at+1, clip.Shape[2], err)
		}
		part, err := out.TensorInto(output, spare)
		out.Close()
		if err = errors.Join(err, given()); err != nil {
			return err
		}
		if lent {
			last, spare = part, last
		}
		given = Begin(func() error { return emit(part) })
	}
	return given()
}

// Begin begins a piece of work and returns what waits for its end.
func Begin(work func() error) (wait func() error) {
	done := make(chan error, 1)
	go func() { done <- work() }()
	return sync.OnceValue(func() error { return <-done })
}
