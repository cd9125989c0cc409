package wan21

import (
	"image"
	"image/color"
	"math"
)

// resize scales an image to exactly width × height with a Lanczos filter of three lobes, widened when shrinking so that
// nothing aliases. Transparent parts become black.
func resize(img image.Image, width, height int) *image.RGBA {
	b := img.Bounds()
	src := make([]float64, 0, 3*b.Dx()*b.Dy())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, bl, _ := img.At(x, y).RGBA()
			src = append(src, float64(r)/257, float64(g)/257, float64(bl)/257)
		}
	}
	rows := resample(src, b.Dy(), b.Dx(), width)  // [h][w] → [w'][h]
	cols := resample(rows, width, b.Dy(), height) // [w'][h] → [h'][w']
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		out.SetRGBA(i%width, i/width, color.RGBA{R: byte8(cols[3*i]), G: byte8(cols[3*i+1]), B: byte8(cols[3*i+2]), A: 255})
	}
	return out
}

func byte8(v float64) uint8 { return uint8(min(max(v+0.5, 0), 255)) }

// resample scales the inner dimension of lines × from RGB values to `to`, and gives the result transposed.
func resample(src []float64, lines, from, to int) []float64 {
	out := make([]float64, 3*lines*to)
	scale := float64(from) / float64(to)
	support := 3 * max(scale, 1)
	for i := range to {
		centre := (float64(i) + 0.5) * scale
		lo, hi := max(int(centre-support), 0), min(int(math.Ceil(centre+support)), from)
		taps, sum := make([]float64, hi-lo), 0.0
		for j := range taps {
			taps[j] = lanczos((float64(lo+j) + 0.5 - centre) / max(scale, 1))
			sum += taps[j]
		}
		for l := range lines {
			for j, tap := range taps {
				for c := range 3 {
					out[3*(i*lines+l)+c] += tap / sum * src[3*(l*from+lo+j)+c]
				}
			}
		}
	}
	return out
}

func lanczos(x float64) float64 {
	if x == 0 {
		return 1
	}
	if math.Abs(x) >= 3 {
		return 0
	}
	a := math.Pi * x
	return 3 * math.Sin(a) * math.Sin(a/3) / (a * a)
}
