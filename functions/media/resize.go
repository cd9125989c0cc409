package media

import (
	"image"
	"math"
)

// Filter is an interpolation kernel that is zero from support on.
type Filter struct {
	support float64
	at      func(x float64) float64
}

// The kernels of image processors: Lanczos with three lobes, and the cubic with a = −1/2.
var (
	Lanczos = Filter{3, lanczosAt}
	Bicubic = Filter{2, bicubicAt}
)

// Resize scales an image to exactly width × height with a kernel, widened when shrinking so that nothing aliases. It gives
// what Pillow's resize gives, bit for bit: along the lines first, in fixed point, rounded to bytes between the two.
func Resize(img image.Image, width, height int, f Filter) RGB {
	src := rowsOf(img, false)
	wide := RGB{Pix: make([]byte, 3*width*src.height), Width: width, Height: src.height}
	across := f.taps(src.width, width)
	inParallel(src.height, func(from, to int) {
		read, line := src.reader(), make([]byte, 3*src.width)
		for y := from; y < to; y++ {
			read(y, line)
			along(line, wide.Pix[3*width*y:][:3*width], across)
		}
	})
	out := RGB{Pix: make([]byte, 3*width*height), Width: width, Height: height}
	down := f.taps(src.height, height)
	inParallel(height, func(from, to int) {
		sums := make([]int32, 3*width)
		for y := from; y < to; y++ {
			wide.stack(down[y], sums)
			for i, s := range sums {
				out.Pix[3*width*y+i] = clamp(s >> fraction)
			}
		}
	})
	return out
}

// fraction is how many bits of a weight lie behind the point; half rounds.
const (
	fraction = 22
	half     = 1 << (fraction - 1)
)

// taps are the weights of the pixels from `from` on, for one pixel of the result.
type taps struct {
	from   int
	weight []int32
}

// taps gives the weights for each of n pixels made of m; for m = n they change nothing.
func (f Filter) taps(m, n int) []taps {
	out := make([]taps, n)
	scale := float64(m) / float64(n)
	wide := max(scale, 1)
	for i := range out {
		if m == n {
			out[i] = taps{i, []int32{1 << fraction}}
			continue
		}
		centre := (float64(i) + 0.5) * scale
		lo, hi := max(int(centre-f.support*wide+0.5), 0), min(int(centre+f.support*wide+0.5), m)
		out[i] = taps{lo, f.weights(float64(lo)-centre+0.5, 1/wide, hi-lo)}
	}
	return out
}

// weights samples the kernel n times and makes the sum 1.
func (f Filter) weights(first, step float64, n int) []int32 {
	k, sum := make([]float64, n), 0.0
	for j := range k {
		k[j] = f.at((first + float64(j)) * step)
		sum += k[j]
	}
	out := make([]int32, n)
	for j := range k {
		out[j] = int32(math.Round(k[j] / sum * (1 << fraction)))
	}
	return out
}

func along(line, out []byte, all []taps) {
	for i, t := range all {
		r, g, b := int32(half), int32(half), int32(half)
		src := line[3*t.from:][:3*len(t.weight)]
		for j, k := range t.weight {
			p := src[3*j : 3*j+3 : 3*j+3]
			r += int32(p[0]) * k
			g += int32(p[1]) * k
			b += int32(p[2]) * k
		}
		out[3*i], out[3*i+1], out[3*i+2] = clamp(r>>fraction), clamp(g>>fraction), clamp(b>>fraction)
	}
}

// stack adds up weighted lines.
func (r RGB) stack(t taps, sums []int32) {
	for i := range sums {
		sums[i] = half
	}
	for j, k := range t.weight {
		line := r.Pix[3*r.Width*(t.from+j):][:len(sums)]
		for i, v := range line {
			sums[i] += int32(v) * k
		}
	}
}

func lanczosAt(x float64) float64 {
	if x == 0 {
		return 1
	}
	if math.Abs(x) >= 3 {
		return 0
	}
	a := math.Pi * x
	return math.Sin(a) / a * math.Sin(a/3) / (a / 3)
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
