package plot

import (
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"strconv"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// scale is the number of pixels per unit, so that a PNG is sharp on a dense screen.
const scale = 2

// raster draws on pixels.
type raster struct {
	img  *image.RGBA
	font *opentype.Font
}

// PNG writes a chart as a PNG image.
func PNG(w io.Writer, c Chart) error {
	f, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return err
	}
	width, height := c.size()
	r := &raster{image.NewRGBA(image.Rect(0, 0, int(width*scale), int(height*scale))), f}
	r.rect(0, 0, width, height, "#ffffff")
	c.draw(r)
	return png.Encode(w, r.img)
}

func (r *raster) rect(x, y, w, h float64, colour string) {
	r.fill(colour, [][2]float64{{x, y}, {x + w, y}, {x + w, y + h}, {x, y + h}})
}

// line draws each piece as a thin rectangle.
func (r *raster) line(points [][2]float64, width float64, colour string) {
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		dx, dy := b[0]-a[0], b[1]-a[1]
		l := math.Hypot(dx, dy)
		if l == 0 {
			continue
		}
		nx, ny := -dy/l*width/2, dx/l*width/2
		r.fill(colour, [][2]float64{{a[0] + nx, a[1] + ny}, {b[0] + nx, b[1] + ny}, {b[0] - nx, b[1] - ny}, {a[0] - nx, a[1] - ny}})
	}
}

func (r *raster) fill(colour string, p [][2]float64) {
	size := r.img.Bounds().Size()
	v := vector.NewRasterizer(size.X, size.Y)
	v.MoveTo(float32(p[0][0]*scale), float32(p[0][1]*scale))
	for _, q := range p[1:] {
		v.LineTo(float32(q[0]*scale), float32(q[1]*scale))
	}
	v.ClosePath()
	v.Draw(r.img, r.img.Bounds(), image.NewUniform(rgb(colour)), image.Point{})
}

func (r *raster) text(x, y, size float64, at anchor, s string) {
	face, err := opentype.NewFace(r.font, &opentype.FaceOptions{Size: size * scale, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		return // cannot be: the size is positive
	}
	defer face.Close()
	d := font.Drawer{Dst: r.img, Src: image.NewUniform(rgb(ink)), Face: face}
	width := float64(d.MeasureString(s)) / 64
	x = x*scale - map[anchor]float64{start: 0, middle: width / 2, end: width}[at]
	d.Dot = fixed.Point26_6{X: fixed.Int26_6(x * 64), Y: fixed.Int26_6(y * scale * 64)}
	d.DrawString(s)
}

func rgb(hex string) color.RGBA {
	n, _ := strconv.ParseUint(hex[1:], 16, 32)
	return color.RGBA{uint8(n >> 16), uint8(n >> 8), uint8(n), 255}
}
