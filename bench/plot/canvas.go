// Package plot draws benchmark results: charts as SVG and PNG from one description, and a self-contained HTML page.
package plot

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// canvas is what a chart is drawn on. Coordinates are pixels from the upper left; colours are "#rrggbb".
type canvas interface {
	rect(x, y, w, h float64, colour string)
	line(points [][2]float64, width float64, colour string)
	text(x, y, size float64, at anchor, s string) // y is the base line
}

type anchor string

const (
	start  anchor = "start"
	middle anchor = "middle"
	end    anchor = "end"
)

const (
	ink   = "#24292f"
	faint = "#d8dee4"
)

var colours = []string{"#0969da", "#cf222e", "#1a7f37", "#8250df", "#bf8700", "#0550ae", "#a40e26", "#57606a"}

func colour(i int) string { return colours[i%len(colours)] }

// svg writes elements as they are drawn.
type svg struct{ b strings.Builder }

func (s *svg) rect(x, y, w, h float64, colour string) {
	fmt.Fprintf(&s.b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", x, y, w, h, colour)
}

func (s *svg) line(points [][2]float64, width float64, colour string) {
	var p strings.Builder
	for _, at := range points {
		fmt.Fprintf(&p, "%.1f,%.1f ", at[0], at[1])
	}
	fmt.Fprintf(&s.b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="%g"/>`+"\n", strings.TrimSpace(p.String()), colour, width)
}

func (s *svg) text(x, y, size float64, at anchor, text string) {
	fmt.Fprintf(&s.b, `<text x="%.1f" y="%.1f" font-size="%g" text-anchor="%s" fill="%s">%s</text>`+"\n", x, y, size, at, ink, html.EscapeString(text))
}

// SVG writes a chart as an SVG element that needs nothing else.
func SVG(w io.Writer, c Chart) error {
	width, height := c.size()
	var s svg
	s.rect(0, 0, width, height, "#ffffff")
	c.draw(&s)
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%g" height="%g" font-family="sans-serif">`+"\n%s</svg>\n",
		width, height, width, height, s.b.String())
	return err
}
