package media

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	_ "image/png" // pictures may be PNG

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
