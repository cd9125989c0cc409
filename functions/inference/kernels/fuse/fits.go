package fuse

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
)

// fits has quantized weights refused, while they are written, whose values FP16 does not hold: such a product would be no number, and each
// clip would fail of it.
func (g *graph) fits() {
	if g.o.Type != onnx.Float16 {
		return
	}
	for i := range g.nodes {
		n := &g.nodes[i]
		if !g.is(n, quantLinear) || published[text(n, "format")] != 0 {
			continue
		}
		parts := g.parts(n)
		if len(parts) < 2 || parts[0].of.Content == nil {
			continue
		}
		last := parts[len(parts)-1].of
		if last.Content == nil {
			continue
		}
		attrs, content := n.Attrs, last.Content
		for i := range parts {
			parts[i].write = parts[i].of.Content
		}
		last.Content = func(to io.Writer) error {
			var b bytes.Buffer
			if err := content(&b); err != nil {
				return err
			}
			if err := held(attrs, parts, b.Bytes()); err != nil {
				return err
			}
			_, err := to.Write(b.Bytes())
			return err
		}
	}
}

// part is one of a quantized weight's.
type part struct {
	suffix string
	of     *onnx.Tensor
	write  func(io.Writer) error
}

func (p part) read() ([]byte, error) {
	if p.write == nil {
		return p.of.Raw, nil
	}
	var b bytes.Buffer
	err := p.write(&b)
	return b.Bytes(), err
}

// parts are those of a product's weight, in the order in which they are written.
func (g *graph) parts(n *onnx.Node) (all []part) {
	for i, suffix := range quant.Suffixes() {
		if w := g.weights[input(n, 1+i)]; w != nil {
			all = append(all, part{suffix: suffix, of: w})
		}
	}
	return all
}

// held refuses a weight with values beyond FP16. Its codes are looked at where its scales alone do not tell: last is the part that is
// written last, which a weight that is being made knows best when all others are.
func held(attrs []onnx.Attr, parts []part, last []byte) error {
	t := quant.Described(attrs)
	for i, p := range parts[1:] {
		data, err := last, error(nil)
		if i+2 < len(parts) {
			data, err = p.read()
		}
		if err != nil {
			return err
		}
		t.SetPart(p.suffix, p.of.Type == onnx.Uint8, data)
	}
	if t.Bound() <= largest {
		return nil
	}
	name := strings.TrimSuffix(parts[0].of.Name, ".codes")
	codes, err := parts[0].read()
	if err != nil {
		return err
	}
	if t.Codes = codes; t.Check(name) != nil {
		return t.Check(name)
	}
	most, err := t.Largest()
	if err == nil && most > largest {
		err = fmt.Errorf("the weight %s, of %s, has a value of %g, FP16 has none beyond %d: `models build --activations bf16` would do: %w", name, t.Format, most, largest, errdefs.ErrInvalidArgument)
	}
	return err
}
