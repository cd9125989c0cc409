package magi1

import (
	"math"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// stretch are the inputs that stretch the positions of the VAE's grid over another: for each axis a matrix [to, from] of linear
// interpolation between the middles of cells.
func (c VAECoder) stretch(frames, rows, columns int64) engine.Values {
	grid := c.grid()
	return engine.Values{vaeFrames: interpolation(grid[0], frames), vaeRows: interpolation(grid[1], rows), vaeColumns: interpolation(grid[2], columns)}
}

func interpolation(from, to int64) engine.Tensor {
	out, scale := make([]float32, from*to), float64(from)/float64(to)
	for i := range to {
		at := max((float64(i)+0.5)*scale-0.5, 0)
		low := int64(math.Floor(at))
		share := float32(at - float64(low))
		out[i*from+low] += 1 - share
		out[i*from+min(low+1, from-1)] += share
	}
	return engine.Floats(out, to, from)
}
