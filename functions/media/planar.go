package media

import "image"

// planar reads lines of a picture whose colour lies in smaller planes. Where they have half as many samples along a side
// they are interpolated, three parts of the near one and one of the far one, as libjpeg and libwebp do it; other ratios repeat samples.
func planar(m *image.YCbCr, video bool) func(int, []byte) {
	p := planes{w: m.Rect.Dx(), h: m.Rect.Dy(), stride: m.CStride}
	p.x, p.y = ratio(m.SubsampleRatio)
	p.w, p.h = (p.w+p.x-1)/p.x, (p.h+p.y-1)/p.y
	cb, cr := make([]int32, p.w*p.x), make([]int32, p.w*p.x)
	convert := jfif
	upsample := p.jpegLine
	if video {
		convert, upsample = bt601, p.webpLine
	}
	return func(y int, dst []byte) {
		upsample(m.Cb, y, cb)
		upsample(m.Cr, y, cr)
		for x, luma := range m.Y[y*m.YStride:][:m.Rect.Dx()] {
			convert(int32(luma), cb[x], cr[x], dst[3*x:3*x+3])
		}
	}
}

// ratio is how many pixels a sample of colour stands for, along and across.
func ratio(r image.YCbCrSubsampleRatio) (x, y int) {
	switch r {
	case image.YCbCrSubsampleRatio422:
		return 2, 1
	case image.YCbCrSubsampleRatio420:
		return 2, 2
	case image.YCbCrSubsampleRatio440:
		return 1, 2
	case image.YCbCrSubsampleRatio411:
		return 4, 1
	case image.YCbCrSubsampleRatio410:
		return 4, 2
	}
	return 1, 1
}

// planes is the form of the two planes of colour.
type planes struct{ w, h, stride, x, y int }

// near gives the plane's line for line y of the picture, and the next one on the side that y is closer to.
func (p planes) near(plane []byte, y int) (own, other []byte) {
	at, next := y/p.y, y/p.y
	if p.y == 2 {
		next = min(max(at-1+y%2*2, 0), p.h-1)
	}
	return plane[at*p.stride:][:p.w], plane[next*p.stride:][:p.w]
}

func (p planes) jpegLine(plane []byte, y int, dst []int32) {
	own, other := p.near(plane, y)
	switch {
	case p.x == 2 && p.w > 2 && p.y == 2:
		p.both(own, other, dst)
	case p.x == 2 && p.w > 2 && p.y == 1:
		p.along(own, dst)
	case p.x == 1 && p.y == 2:
		for i := range own {
			dst[i] = (3*int32(own[i]) + int32(other[i]) + 1 + int32(y%2)) >> 2
		}
	default:
		for i := range dst {
			dst[i] = int32(own[i/p.x])
		}
	}
}

// along interpolates within a line.
func (p planes) along(own []byte, dst []int32) {
	for i, v := range own {
		left, right := own[max(i-1, 0)], own[min(i+1, p.w-1)]
		dst[2*i] = (3*int32(v) + int32(left) + 1) >> 2
		dst[2*i+1] = (3*int32(v) + int32(right) + 2) >> 2
	}
}

// both interpolates between two lines, then along.
func (p planes) both(own, other []byte, dst []int32) {
	sum := func(i int) int32 { return 3*int32(own[i]) + int32(other[i]) }
	left, v := sum(0), sum(0)
	for i := range own {
		right := sum(min(i+1, p.w-1))
		dst[2*i], dst[2*i+1] = (3*v+left+8)>>4, (3*v+right+7)>>4
		left, v = v, right
	}
}

// webpLine is both with libwebp's rounding.
func (p planes) webpLine(plane []byte, y int, dst []int32) {
	own, other := p.near(plane, y)
	for x := range dst {
		i := x / 2
		j := i - 1 + x%2*2
		n, v := int32(own[i]), int32(other[i])
		if j < 0 || j >= p.w {
			dst[x] = (3*n + v + 2) >> 2
			continue
		}
		h, d := int32(own[j]), int32(other[j])
		dst[x] = ((n+3*(h+v)+d+8)>>3 + n) >> 1
	}
}
