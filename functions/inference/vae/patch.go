package vae

import "github.com/videosdgx/videosdgx/functions/inference/engine"

// Patch is the side of the squares of pixels that are the channels of one value for the graphs; 1 where pixels go in as they are.
func (c Config) Patch() int64 {
	if c.PatchSize == nil {
		return 1
	}
	return *c.PatchSize
}

// Patchify gives a clip [1, C, T, H, W] the form that the encoder's graph takes: [1, C·p², T, H/p, W/p], the column within a
// square before the row.
func (c Config) Patchify(clip engine.Tensor) engine.Tensor {
	p, s := c.Patch(), clip.Shape
	if p == 1 {
		return clip
	}
	out := engine.Zeros(1, s[1]*p*p, s[2], s[3]/p, s[4]/p)
	eachPixel(p, s, func(pixel, value int64) { out.Float32()[value] = clip.Float32()[pixel] })
	return out
}

// Unpatchify is the way back, of what the decoder's graph gives.
func (c Config) Unpatchify(v engine.Tensor) engine.Tensor {
	p, s := c.Patch(), v.Shape
	if p == 1 {
		return v
	}
	out := engine.Zeros(1, s[1]/(p*p), s[2], s[3]*p, s[4]*p)
	eachPixel(p, out.Shape, func(pixel, value int64) { out.Float32()[pixel] = v.Float32()[value] })
	return out
}

// eachPixel pairs every pixel of a clip of a shape with its value in squares of side p.
func eachPixel(p int64, s []int64, pair func(pixel, value int64)) {
	rows, columns, pixel := s[3]/p, s[4]/p, int64(0)
	for ch := range s[1] {
		for t := range s[2] {
			for y := range s[3] {
				for x := range s[4] {
					plane := ((ch*p+x%p)*p+y%p)*s[2] + t
					pair(pixel, (plane*rows+y/p)*columns+x/p)
					pixel++
				}
			}
		}
	}
}
