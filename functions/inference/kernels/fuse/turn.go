package fuse

import (
	"io"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// innermost is a convolution's weight [out, in, frames, height, width] as [out, taps, in].
func (g *graph) innermost(weight string) string {
	w, name := g.weights[weight], weight+".last"
	if g.weights[name] == nil {
		taps, content := w.Dims[2]*w.Dims[3]*w.Dims[4], w.Content
		g.weights[name] = &onnx.Tensor{Name: name, Type: w.Type, Dims: []int64{w.Dims[0], taps, w.Dims[1]}, Content: func(to io.Writer) error {
			return content(&turner{to: to, rows: int(w.Dims[1]), columns: int(taps)})
		}}
	}
	return name
}

// turner writes matrices of numbers of four bytes, which come one behind the other, on as their transposes.
type turner struct {
	to            io.Writer
	rows, columns int
	held, turned  []byte
}

func (t *turner) Write(b []byte) (int, error) {
	t.held = append(t.held, b...)
	whole := 4 * t.rows * t.columns
	for len(t.held) >= whole {
		t.turned = t.turned[:0]
		for c := range t.columns {
			for r := range t.rows {
				at := 4 * (r*t.columns + c)
				t.turned = append(t.turned, t.held[at:at+4]...)
			}
		}
		if _, err := t.to.Write(t.turned); err != nil {
			return 0, err
		}
		t.held = append(t.held[:0], t.held[whole:]...)
	}
	return len(b), nil
}
