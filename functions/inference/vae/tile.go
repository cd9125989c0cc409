package vae

import (
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// Tiling cuts a clip into tiles that overlap, in pixels of the picture: each is Height × Width, the next begins StrideHeight or
// StrideWidth further, and where two overlap the result goes linearly from the one to the other, as in the reference. A tile
// runs through all its frames before the next one, so that the memory of a run is a tile's, not the picture's.
type Tiling struct {
	Height, Width             int64
	StrideHeight, StrideWidth int64
}

// Validate refuses tiles that leave gaps or are no whole number of latent values.
func (t Tiling) Validate(scale int64) error {
	for _, v := range []int64{t.Height, t.Width, t.StrideHeight, t.StrideWidth} {
		if v < scale || v%scale != 0 {
			return fmt.Errorf("tiles of %d × %d pixels, %d × %d apart: sides must be multiples of %d: %w", t.Width, t.Height, t.StrideWidth, t.StrideHeight, scale, errdefs.ErrInvalidArgument)
		}
	}
	if t.StrideHeight > t.Height || t.StrideWidth > t.Width {
		return fmt.Errorf("tiles of %d × %d pixels, %d × %d apart, leave gaps: %w", t.Width, t.Height, t.StrideWidth, t.StrideHeight, errdefs.ErrInvalidArgument)
	}
	return nil
}

// Over is the tiling in values of a side that is divided by n.
func (t Tiling) Over(n int64) Tiling {
	return Tiling{t.Height / n, t.Width / n, t.StrideHeight / n, t.StrideWidth / n}
}

// Tiled runs every tile of a clip [1, C, T, H, W], cut by in, and puts the results, which are tiles cut by out, together.
func Tiled(clip engine.Tensor, in, out Tiling, run func(tile engine.Tensor) (engine.Tensor, error)) (engine.Tensor, error) {
	var rows, above []engine.Tensor
	height, width := clip.Shape[3], clip.Shape[4]
	for y := int64(0); y < height; y += in.StrideHeight {
		var row, cropped []engine.Tensor
		for x := int64(0); x < width; x += in.StrideWidth {
			tile, err := run(crop(clip, y, x, in.Height, in.Width))
			if err != nil {
				return engine.Tensor{}, fmt.Errorf("tile at %d, %d: %w", x, y, err)
			}
			if y > 0 {
				Blend(above[len(row)], tile, 3, out.Height-out.StrideHeight)
			}
			if x > 0 {
				Blend(row[len(row)-1], tile, 4, out.Width-out.StrideWidth)
			}
			row = append(row, tile)
			cropped = append(cropped, crop(tile, 0, 0, out.StrideHeight, out.StrideWidth))
		}
		above = row
		rows = append(rows, Beside(cropped, 4))
	}
	return Beside(rows, 3), nil
}

// crop is the part of a clip from y and x on, at most height × width.
func crop(clip engine.Tensor, y, x, height, width int64) engine.Tensor {
	s := clip.Shape
	height, width = min(height, s[3]-y), min(width, s[4]-x)
	out, v := make([]float32, 0, s[1]*s[2]*height*width), clip.Float32()
	for plane := range s[1] * s[2] {
		for line := range height {
			at := (plane*s[3]+y+line)*s[4] + x
			out = append(out, v[at:at+width]...)
		}
	}
	return engine.Floats(out, 1, s[1], s[2], height, width)
}

// Blend has b begin, along an axis, as a ends.
func Blend(a, b engine.Tensor, axis int, extent int64) {
	extent = min(extent, a.Shape[axis], b.Shape[axis])
	outer, inner := engine.Elements(b.Shape[:axis]), engine.Elements(b.Shape[axis+1:])
	from, to := a.Float32(), b.Float32()
	for o := range outer {
		for i := range extent {
			share := float32(float64(i) / float64(extent))
			va := from[(o*a.Shape[axis]+a.Shape[axis]-extent+i)*inner:]
			vb := to[(o*b.Shape[axis]+i)*inner:]
			for k := range inner {
				vb[k] = va[k]*(1-share) + vb[k]*share
			}
		}
	}
}

// Beside puts parts next to each other along an axis.
func Beside(parts []engine.Tensor, axis int) engine.Tensor {
	shape := append([]int64(nil), parts[0].Shape...)
	shape[axis] = 0
	for _, p := range parts {
		shape[axis] += p.Shape[axis]
	}
	out := make([]float32, 0, engine.Elements(shape))
	for o := range engine.Elements(shape[:axis]) {
		for _, p := range parts {
			n := engine.Elements(p.Shape[axis:])
			out = append(out, p.Float32()[o*n:(o+1)*n]...)
		}
	}
	return engine.Floats(out, shape...)
}
