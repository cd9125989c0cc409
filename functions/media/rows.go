package media

import "image"

// rows gives a picture line by line, so that no copy of it in another form has to be made.
type rows struct {
	width, height int
	// reader makes a function that writes line y as RGB, width·3 bytes. Each goroutine takes its own.
	reader func() func(y int, dst []byte)
}

// rowsOf reads colours as Pillow's convert("RGB") does: what is transparent keeps its colour; 16 bits of
// colour lose the lower eight, and 16 bits of gray end at 255. video says which YCbCr it is.
func rowsOf(img image.Image, video bool) rows {
	b := img.Bounds()
	r := rows{width: b.Dx(), height: b.Dy()}
	plain := func(f func(y int, dst []byte)) rows {
		r.reader = func() func(int, []byte) { return f }
		return r
	}
	switch m := img.(type) {
	case RGB:
		return plain(func(y int, dst []byte) { copy(dst, m.Pix[y*m.Width*3:]) })
	case *image.RGBA:
		return plain(every(m.Pix, m.Stride, 4, 1))
	case *image.NRGBA:
		return plain(every(m.Pix, m.Stride, 4, 1))
	case *image.RGBA64:
		return plain(every(m.Pix, m.Stride, 8, 2))
	case *image.NRGBA64:
		return plain(every(m.Pix, m.Stride, 8, 2))
	case *image.Gray:
		return plain(grays(m))
	case *image.Gray16:
		return plain(grays16(m))
	case *image.Paletted:
		return plain(paletted(m))
	case *image.CMYK:
		return plain(cmyk(m))
	case *image.YCbCr:
		r.reader = func() func(int, []byte) { return planar(m, video) }
		return r
	case *image.NYCbCrA:
		r.reader = func() func(int, []byte) { return planar(&m.YCbCr, video) }
		return r
	}
	return plain(func(y int, dst []byte) {
		for x := range b.Dx() {
			red, green, blue, _ := img.At(b.Min.X+x, b.Min.Y+y).RGBA()
			dst[3*x], dst[3*x+1], dst[3*x+2] = byte(red>>8), byte(green>>8), byte(blue>>8)
		}
	})
}

// every takes three samples of each pixel, `next` bytes from one to the other.
func every(pix []byte, stride, pixel, next int) func(int, []byte) {
	return func(y int, dst []byte) {
		src := pix[y*stride:]
		for o, i := 0, 0; o+2 < len(dst); o, i = o+3, i+pixel {
			dst[o], dst[o+1], dst[o+2] = src[i], src[i+next], src[i+2*next]
		}
	}
}

func grays(m *image.Gray) func(int, []byte) {
	return func(y int, dst []byte) {
		for x, v := range m.Pix[y*m.Stride:][:m.Rect.Dx()] {
			dst[3*x], dst[3*x+1], dst[3*x+2] = v, v, v
		}
	}
}

func grays16(m *image.Gray16) func(int, []byte) {
	return func(y int, dst []byte) {
		src := m.Pix[y*m.Stride:]
		for x := range m.Rect.Dx() {
			v := clamp(int32(src[2*x])<<8 | int32(src[2*x+1]))
			dst[3*x], dst[3*x+1], dst[3*x+2] = v, v, v
		}
	}
}

func paletted(m *image.Paletted) func(int, []byte) {
	var colours [256][3]byte
	for i, c := range m.Palette {
		if i < 256 {
			colours[i] = straight(c)
		}
	}
	return func(y int, dst []byte) {
		for x, i := range m.Pix[y*m.Stride:][:m.Rect.Dx()] {
			copy(dst[3*x:], colours[i][:])
		}
	}
}

// cmyk is Pillow's conversion: what is left of the light after the ink, and of that after the black.
func cmyk(m *image.CMYK) func(int, []byte) {
	return func(y int, dst []byte) {
		src := m.Pix[y*m.Stride:]
		for o, i := 0, 0; o+2 < len(dst); o, i = o+3, i+4 {
			light := 255 - int(src[i+3])
			for c := range 3 {
				t := int(src[i+c])*light + 128
				dst[o+c] = byte(max(light-(t>>8+t)>>8, 0))
			}
		}
	}
}
