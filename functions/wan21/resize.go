package wan21

import (
	"image"
	"image/color"
	"math"
)

// filter is an interpolation kernel that is zero from support on.
type filter struct {
	support float64
	at      func(x float64) float64
}

// The kernels of the image processors: Lanczos with three lobes, and the cubic with a = −1/2.
var (
	lanczos = filter{3, lanczosAt}
	bicubic = filter{2, bicubicAt}
)

// resize scales an image to exactly width × height with a kernel, widened when shrinking so that nothing aliases.
// Transparent parts become black.
func resize(img image.Image, width, height int, f filter) *image.RGBA {
	b := img.Bounds()
	src := make([]float64, 0, 3*b.Dx()*b.Dy())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, bl, _ := img.At(x, y).RGBA()
			src = append(src, float64(r)/257, float64(g)/257, float64(bl)/257)
		}
	}
	rows := resample(src, b.Dy(), b.Dx(), width, f)  // [h][w] → [w'][h]
	cols := resample(rows, width, b.Dy(), height, f) // [w'][h] → [h'][w']
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		out.SetRGBA(i%width, i/width, color.RGBA{R: byte8(cols[3*i]), G: byte8(cols[3*i+1]), B: byte8(cols[3*i+2]), A: 255})
	}
	return out
}

func byte8(v float64) uint8 { return uint8(min(max(v+0.5, 0), 255)) }

// resample scales the inner dimension of lines × from RGB values to `to`, and gives the result transposed.
func resample(src []float64, lines, from, to int, f filter) []float64 {
	out := make([]float64, 3*lines*to)
	scale := float64(from) / float64(to)
	support := f.support * max(scale, 1)
	for i := range to {
		centre := (float64(i) + 0.5) * scale
		lo, hi := max(int(centre-support), 0), min(int(math.Ceil(centre+support)), from)
		taps, sum := make([]float64, hi-lo), 0.0
		for j := range taps {
			taps[j] = f.at((float64(lo+j) + 0.5 - centre) / max(scale, 1))
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

func lanczosAt(x float64) float64 {
	if x == 0 {
		return 1
	}
	if math.Abs(x) >= 3 {
		return 0
	}
	a := math.Pi * x
	return 3 * math.Sin(a) * math.Sin(a/3) / (a * a)
}

func bicubicAt(x float64) float64 {
	x = math.Abs(x)
	switch {
	case x < 1:
		return (1.5*x-2.5)*x*x + 1
	case x < 2:
		return ((-0.5*x+2.5)*x-4)*x + 2
	}
	return 0
}
