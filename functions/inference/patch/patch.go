// Package patch cuts latents into the rows of values that transformers take, and joins them again: the host's part, so that
// graphs see rows alone.
package patch

// Cut cuts a latent [C, T, H, W] into rows of [C, pt, ph, pw], one row per patch in the order frames, height, width:
// what the patch convolution sees.
func Cut(latent []float32, channels, frames, height, width int64, patch []int64) []float32 {
	out := make([]float32, 0, len(latent))
	for t := int64(0); t < frames; t += patch[0] {
		for y := int64(0); y < height; y += patch[1] {
			for x := int64(0); x < width; x += patch[2] {
				for c := range channels {
					for i := range patch[0] {
						for j := range patch[1] {
							at := ((c*frames+t+i)*height+y+j)*width + x
							out = append(out, latent[at:at+patch[2]]...)
						}
					}
				}
			}
		}
	}
	return out
}

// Join joins rows of [pt, ph, pw, C] into a latent [C, T, H, W]: the transformer's output has its channels innermost.
func Join(rows []float32, channels, frames, height, width int64, patch []int64) []float32 {
	out := make([]float32, len(rows))
	n := 0
	for t := int64(0); t < frames; t += patch[0] {
		for y := int64(0); y < height; y += patch[1] {
			for x := int64(0); x < width; x += patch[2] {
				for i := range patch[0] {
					for j := range patch[1] {
						for k := range patch[2] {
							for c := range channels {
								out[((c*frames+t+i)*height+y+j)*width+x+k] = rows[n]
								n++
							}
						}
					}
				}
			}
		}
	}
	return out
}
