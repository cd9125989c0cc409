package vae

import (
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/footprint"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

// published is the tiling that the reference uses when it is asked to tile: 256 pixels, 192 apart.
var published = Tiling{Height: 256, Width: 256, StrideHeight: 192, StrideWidth: 192}

// Fit is the tiling under which a picture of height × width pixels decodes within memory bytes: none when the whole does, or
// when no limit is known (0).
func Fit(c Config, height, width, memory int64) (*Tiling, error) {
	if memory <= 0 || height <= published.Height && width <= published.Width {
		return nil, nil
	}
	peak, err := DecodePeak(c, height, width)
	if err != nil || peak <= memory {
		return nil, err
	}
	t := published
	return &t, nil
}

// DecodePeak is the memory that decoding frames of height × width pixels takes, caches included and weights not, in bytes.
func DecodePeak(c Config, height, width int64) (int64, error) {
	scale := c.SpatialScale()
	dims := map[string]int64{"height": height / scale, "width": width / scale, "frames": 1}
	states, most := map[string][]int64{}, int64(0)
	for _, first := range []bool{true, false} {
		net, err := Decoder(c, first, nn.Options{})
		if err != nil {
			return 0, err
		}
		m, err := net.Model()
		if err != nil {
			return 0, err
		}
		p, err := footprint.Of(m, dims, states)
		if err != nil {
			return 0, err
		}
		most = max(most, p.Bytes)
		for name, shape := range p.Out {
			if state, ok := strings.CutSuffix(name, cacheNext); ok {
				states[state] = shape
			}
		}
	}
	return most, nil
}
