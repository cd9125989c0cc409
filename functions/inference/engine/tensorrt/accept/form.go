package accept

import "slices"

// Form is the shape under which another graph takes a value that one graph has under shape: the graphs for ONNX Runtime keep clips
// with their channels innermost, [1, frames, height, width, channels], those for TensorRT [1, channels, frames, height, width].
// takes is what the other declares, negative where anything goes. A shape that it takes as it is, or not at all, stays.
func Form(shape, takes []int64) []int64 {
	if fits(shape, takes) || len(shape) != 5 {
		return shape
	}
	if moved := []int64{shape[0], shape[4], shape[1], shape[2], shape[3]}; fits(moved, takes) {
		return moved
	}
	return shape
}

func fits(shape, takes []int64) bool {
	return slices.EqualFunc(shape, takes, func(have, want int64) bool { return want < 0 || have == want })
}

// forward puts the channels of a clip, which are innermost, in front of its frames.
func forward(v []float32, shape []int64) []float32 {
	channels := int(shape[4])
	positions := len(v) / max(channels, 1)
	out := make([]float32, len(v))
	for p := range positions {
		for c := range channels {
			out[c*positions+p] = v[p*channels+c]
		}
	}
	return out
}
