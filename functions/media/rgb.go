package media

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
)

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

// Planes is the picture as [3, height, width] in −1…1.
func (r RGB) Planes() []float32 {
	plane := r.Width * r.Height
	out := make([]float32, 3*plane)
	for i := range plane {
		for c := range 3 {
			out[c*plane+i] = float32(r.Pix[3*i+c])/127.5 - 1
		}
	}
	return out
}
