package vae

import (
	"fmt"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// history is how many frames a convolution over three frames looks back.
const history = 2

// causal builds a causal network over a clip that comes in chunks. The first graph takes exactly one frame and starts
// from nothing; the next graph takes any number of frames and, for every convolution that looks back, a cache input with
// the frames before, and both give the caches for the next run. Run one after the other on pieces of a clip they compute
// what one pass over the clip would, in memory that does not grow with its length.
//
// Clips come one at a time: a batch of one keeps shapes that are computed out of the graphs, which a start waits for.
//
// Equivalence: a causal convolution is padded with zeros on the left, so it needs its own last two input frames and
// nothing else. Two layers do not treat the first frame as the others, which is why there are two graphs: the temporal
// upsampler passes it by and starts its own history of zeros with the second, the temporal downsampler passes it by and
// keeps it as history.
type causal struct {
	*nn.Net
	first  bool
	caches int
}

// conv is a causal convolution over three frames.
func (g *causal) conv(x onnx.Value, c nn.Conv) onnx.Value {
	joined := g.lookBack(x, c.In, history)
	return g.Convolve(joined, c)
}

// lookBack puts the frames before x in front of it, and gives the last ones to the next run.
func (g *causal) lookBack(x onnx.Value, channels, frames int64) onnx.Value {
	var joined onnx.Value
	if g.first {
		joined = g.Op("Pad", []onnx.Value{x, g.Ints(0, 0, frames, 0, 0, 0, 0, 0, 0, 0)})
	} else {
		joined = g.Concat(2, g.cacheIn(channels, frames), x)
	}
	g.cacheOut(g.Slice(joined, 2, -frames, 1<<62), channels, frames)
	return joined
}

func (g *causal) cacheIn(channels, frames int64) onnx.Value {
	h, w := fmt.Sprintf("h%d", g.caches), fmt.Sprintf("w%d", g.caches)
	return g.State(cacheName(g.caches), 1, channels, frames, h, w)
}

func (g *causal) cacheOut(v onnx.Value, channels, frames int64) {
	h, w := fmt.Sprintf("h%d", g.caches), fmt.Sprintf("w%d", g.caches)
	g.Keep(cacheName(g.caches)+cacheNext, v, 1, channels, frames, h, w)
	g.caches++
}

// cacheNext ends the name of the output that is the input of the same name, without it, in the next run.
const cacheNext = ".next"

func cacheName(i int) string { return fmt.Sprintf("cache.%02d", i) }

// sides is the vector of height and width of x.
func (g *causal) sides(x onnx.Value) onnx.Value {
	return g.Op("Shape", []onnx.Value{x}, onnx.Int("start", 3), onnx.Int("end", 5))
}
