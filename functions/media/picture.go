package media

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	_ "image/png" // pictures may be PNG
	"math"

	"github.com/containerd/errdefs"
)

// maxPixels bounds a picture before it is decoded: a few bytes of PNG can claim gigabytes.
const maxPixels = 64 << 20

// Picture decodes a PNG or JPEG file.
func Picture(raw []byte) (image.Image, error) {
	c, kind, err := image.DecodeConfig(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("%d bytes are no PNG or JPEG picture: %w", len(raw), errdefs.ErrInvalidArgument)
	}
	if c.Width < 1 || c.Height < 1 || c.Width > maxPixels/c.Height {
		return nil, fmt.Errorf("a picture of %d×%d pixels is too large: %d million pixels at most: %w", c.Width, c.Height, maxPixels>>20, errdefs.ErrInvalidArgument)
	}
	img, _, err := image.Decode(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("the %s picture is damaged (%w): %w", kind, err, errdefs.ErrInvalidArgument)
	}
	return img, nil
}

// RGB is a frame of raw bytes as an image, without copying.
type RGB struct {
	Pix           []byte // width·height·3
	Width, Height int
}

// ColorModel implements image.Image.
func (r RGB) ColorModel() color.Model { return color.RGBAModel }

// Bounds implements image.Image.
func (r RGB) Bounds() image.Rectangle { return image.Rect(0, 0, r.Width, r.Height) }

// At implements image.Image.
func (r RGB) At(x, y int) color.Color {
	if x < 0 || y < 0 || x >= r.Width || y >= r.Height {
		return color.RGBA{}
	}
	i := (y*r.Width + x) * 3
	return color.RGBA{R: r.Pix[i], G: r.Pix[i+1], B: r.Pix[i+2], A: 255}
}

// JPEG encodes a poster or preview.
func JPEG(img image.Image, quality int) ([]byte, error) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("cannot encode the preview: %w", err)
	}
	return b.Bytes(), nil
}

// Resize scales a picture to width×height RGB bytes with a Lanczos-3 window that widens when it shrinks, as Pillow's
// does. Transparency lies on black.
func Resize(img image.Image, width, height int) []byte {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	src := make([]float32, w*h*3)
	for y := range h {
		for x := range w {
			r, g, bl, _ := img.At(b.Min.X+x, b.Min.Y+y).RGBA()
			i := (y*w + x) * 3
			src[i], src[i+1], src[i+2] = float32(r)/257, float32(g)/257, float32(bl)/257
		}
	}
	rows := scale(src, h, w, width, 3, w*3)           // across
	cols := scale(rows, width, h, height, width*3, 3) // down; lines are columns now
	out := make([]byte, width*height*3)
	for x := range width {
		for y := range height {
			for c := range 3 {
				v := cols[(x*height+y)*3+c]
				out[(y*width+x)*3+c] = byte(math.Round(float64(min(max(v, 0), 255))))
			}
		}
	}
	return out
}

// scale resamples lines of n pixels to m. Pixel i of line l is at l·line + i·step; the result is packed line by line.
func scale(src []float32, lines, n, m, step, line int) []float32 {
	out := make([]float32, lines*m*3)
	ratio := float64(n) / float64(m)
	wide := max(ratio, 1)
	for i := range m {
		centre := (float64(i) + 0.5) * ratio
		from, to := max(0, int(centre-3*wide+0.5)), min(n, int(centre+3*wide+0.5))
		weights, sum := make([]float64, to-from), 0.0
		for k := range weights {
			weights[k] = lanczos((float64(from+k) - centre + 0.5) / wide)
			sum += weights[k]
		}
		for l := range lines {
			for c := range 3 {
				v := 0.0
				for k, w := range weights {
					v += w * float64(src[l*line+(from+k)*step+c])
				}
				out[(l*m+i)*3+c] = float32(v / sum)
			}
		}
	}
	return out
}

func lanczos(x float64) float64 {
	if x == 0 {
		return 1
	}
	if x < -3 || x > 3 {
		return 0
	}
	p := math.Pi * x
	return 3 * math.Sin(p) * math.Sin(p/3) / (p * p)
}
