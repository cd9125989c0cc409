package nn

import (
	"io"
	"sync"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
)

// Quantized holds a weight as the codes and scales of a format, which an operator of this project's multiplies by where they
// lie.
type Quantized struct {
	Format  quant.Format
	Options quant.Options
	// Dynamic lets the operator quantize activations too, 16 values of a row at a time.
	Dynamic bool
}

// String is the format's name.
func (q Quantized) String() string { return string(q.Format) }

// Product is one node for any rank.
func (q Quantized) Product(n *Net, x onnx.Value, l Linear, _ int) onnx.Value {
	parts, err := quant.Sizes(q.Format, q.Options, int(l.Out), int(l.In))
	if err != nil {
		n.Fail(err)
		return x
	}
	n.Use(l.Name+".weight", l.Out, l.In)
	enc := newEncoding(n, l, q, parts)
	values := map[string]onnx.Value{}
	for _, p := range parts {
		values[p.Suffix] = n.Weight(n.component+"/"+l.Name+".weight"+p.Suffix, partType(p), p.Dims, enc.content(p.Suffix))
	}
	var bias onnx.Value
	if l.Bias {
		bias = n.Float32Param(l.Name+".bias", l.Out)
	}
	return quant.Linear(n.Builder, x, shapeOf(q, l), values, bias, q.Dynamic)
}

func partType(p quant.Part) onnx.DType {
	if p.Float {
		return onnx.Float32
	}
	return onnx.Uint8
}

// shapeOf is a tensor without data: what the node's attributes are made of.
func shapeOf(q Quantized, l Linear) *quant.Tensor {
	e, err := quant.NewEncoder(l.Name, q.Format, q.Options, int(l.Out), int(l.In))
	if err != nil {
		return &quant.Tensor{} // Sizes has said so
	}
	return e.Shape()
}

// encoding is a weight that becomes codes while it is written. The other parts are known when the last code is, so they keep
// what the first writing has found until the last of them is written: the scales of a whole model in four bits are a gigabyte.
// A part that is asked for alone makes the codes again.
type encoding struct {
	n    *Net
	l    Linear
	q    Quantized
	last string // suffix of the part that is written last
	mu   sync.Mutex
	t    *quant.Tensor // without codes; nil once every part is written
}

func newEncoding(n *Net, l Linear, q Quantized, parts []quant.Part) *encoding {
	return &encoding{n: n, l: l, q: q, last: parts[len(parts)-1].Suffix}
}

func (e *encoding) content(suffix string) func(io.Writer) error {
	return func(w io.Writer) error {
		e.mu.Lock()
		defer e.mu.Unlock()
		if suffix == e.last {
			defer func() { e.t = nil }()
		}
		if suffix == ".codes" {
			return e.encode(w)
		}
		if e.t == nil {
			if err := e.encode(io.Discard); err != nil {
				return err
			}
		}
		for _, p := range e.t.Parts() {
			if p.Suffix == suffix {
				_, err := w.Write(p.Data)
				return err
			}
		}
		return nil // the writer misses the bytes and says so
	}
}

// encode streams the weight once or, where a scale is the whole tensor's, twice.
func (e *encoding) encode(w io.Writer) error {
	name, dims := e.l.Name+".weight", []int64{e.l.Out, e.l.In}
	enc, err := quant.NewEncoder(e.n.component+"/"+name, e.q.Format, e.q.Options, int(e.l.Out), int(e.l.In))
	if err != nil {
		return err
	}
	if enc.TwoPasses() {
		if err := e.n.Stream(name, dims, enc.Observe); err != nil {
			return err
		}
	}
	var codes []byte
	if err := e.n.Stream(name, dims, func(rows []float32) (err error) {
		if codes, err = enc.Write(codes[:0], rows); err == nil {
			_, err = w.Write(codes)
		}
		return err
	}); err != nil {
		return err
	}
	e.t, err = enc.Finish()
	return err
}
