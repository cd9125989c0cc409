package media

import (
	"image"
	"math"
	"slices"
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
	return ResizeTo(img, image.Pt(width, height), image.Rect(0, 0, width, height), f)
}

// ResizeTo is the part within window of what Resize gives for a size. Nothing else of it is made: a long picture that is cut to a
// clip's proportions may be thousands of times as large before. window lies within the size.
func ResizeTo(img image.Image, size image.Point, window image.Rectangle, f Filter) RGB {
	src := rowsOf(img, false)
	out := RGB{Pix: make([]byte, 3*window.Dx()*window.Dy()), Width: window.Dx(), Height: window.Dy()}
	across := f.taps(src.width, size.X, window.Min.X, window.Max.X)
	down := f.taps(src.height, size.Y, window.Min.Y, window.Max.Y)
	inParallel(out.Height, func(from, to int) {
		wide := scaledLines{read: src.reader(), across: across, line: make([]byte, 3*src.width), width: 3 * out.Width}
		sums := make([]int32, wide.width)
		for y := from; y < to; y++ {
			stack(wide.of(down[y]), down[y].weight, sums)
			for i, s := range sums {
				out.Pix[wide.width*y+i] = clamp(s >> fraction)
			}
		}
	})
	return out
}

// scaledLines are those lines of a picture that one line of the result is made of, scaled along already. They move on with it.
type scaledLines struct {
	read   func(y int, dst []byte)
	across []taps
	line   []byte // as it is in the picture
	width  int    // bytes of a scaled one
	first  int    // line of the picture that kept begins with
	kept   []byte
}

// of are the lines from t.from on, as many as t has weights. What is asked for never begins before what was.
func (s *scaledLines) of(t taps) []byte {
	if gone := (t.from - s.first) * s.width; gone < len(s.kept) {
		s.kept = s.kept[:copy(s.kept, s.kept[gone:])]
	} else {
		s.kept = s.kept[:0]
	}
	s.first = t.from
	for y := t.from + len(s.kept)/s.width; y < t.from+len(t.weight); y++ {
		at := len(s.kept)
		s.kept = slices.Grow(s.kept, s.width)[:at+s.width]
		s.read(y, s.line)
		along(s.line, s.kept[at:], s.across)
	}
	return s.kept
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

// taps gives the weights for the pixels from `from` to `to` of n that are made of m; for m = n they change nothing.
func (f Filter) taps(m, n, from, to int) []taps {
	out := make([]taps, to-from)
	scale := float64(m) / float64(n)
	wide := max(scale, 1)
	for i := range out {
		if m == n {
			out[i] = taps{from + i, []int32{1 << fraction}}
			continue
		}
		centre := (float64(from+i) + 0.5) * scale
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

// stack adds up lines by their weights.
func stack(lines []byte, weights, sums []int32) {
	for i := range sums {
		sums[i] = half
	}
	for j, k := range weights {
		for i, v := range lines[j*len(sums):][:len(sums)] {
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
