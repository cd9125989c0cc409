package upload

import (
	"cmp"
	"path/filepath"
	"slices"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Plan is how a graph's weights lie in one block of a device's memory: as they lie in their files, pages where they were.
type Plan struct {
	Places []Place
	Spans  []Span
	Bytes  int64 // of the block
}

// Place is one weight. At is its first byte in the block, a multiple of onnx.PageSize.
type Place struct {
	Name      string
	Type      onnx.DType
	Dims      []int64
	At, Bytes int64
}

// Span is a part of a file that is read from end to end, From, to the byte To of the block.
type Span struct {
	Path            string
	From, Bytes, To int64
}

// gap is how much of a file is read for nothing rather than begin another span.
const gap = 64 << 10

// whole are the element types of one byte or more, all of whose bit patterns are values. A Bool is not: bytes other than 0 and 1
// are made 1 by who reads them.
var whole = []onnx.DType{onnx.Float32, onnx.Uint8, onnx.Int8, onnx.Uint16, onnx.Int16, onnx.Int32, onnx.Int64, onnx.Float16, onnx.Float64,
	onnx.BFloat16, onnx.Float8E4M3, onnx.Float8E5M2}

// Of plans the weights of m that lie in files beside it, in dir. It leaves out what a run may hand out or take in another's place,
// the graph's inputs and outputs, and types that need more than a copy. Two names of one weight share a place.
func Of(m *onnx.Model, dir string) Plan {
	var p Plan
	for _, t := range planned(m) {
		path, end := filepath.Join(dir, t.External.Location), t.External.Offset+t.External.Length
		s := p.last(path)
		if s == nil || t.External.Offset > s.From+s.Bytes+gap {
			p.Spans = append(p.Spans, Span{Path: path, From: t.External.Offset, To: p.Bytes})
			s = &p.Spans[len(p.Spans)-1]
		}
		s.Bytes = max(s.Bytes, end-s.From)
		p.Bytes = max(p.Bytes, pages(s.To+s.Bytes))
		p.Places = append(p.Places, Place{Name: t.Name, Type: t.Type, Dims: t.Dims, At: s.To + t.External.Offset - s.From, Bytes: t.External.Length})
	}
	return p
}

// planned are the weights that a plan places, in the order of their files.
func planned(m *onnx.Model) []*onnx.Tensor {
	var out []*onnx.Tensor
	for i := range m.Graph.Initializers {
		t := &m.Graph.Initializers[i]
		if t.External != nil && t.External.Length > 0 && t.External.Length == t.Bytes() && slices.Contains(whole, t.Type) && !outside(m, t.Name) {
			out = append(out, t)
		}
	}
	slices.SortStableFunc(out, func(a, b *onnx.Tensor) int {
		x, y := a.External, b.External
		return cmp.Or(cmp.Compare(x.Location, y.Location), cmp.Compare(x.Offset, y.Offset), cmp.Compare(x.Length, y.Length))
	})
	return out
}

// outside says whether a name is an input or an output of the graph.
func outside(m *onnx.Model, name string) bool {
	is := func(v onnx.ValueInfo) bool { return v.Name == name }
	return slices.ContainsFunc(m.Graph.Inputs, is) || slices.ContainsFunc(m.Graph.Outputs, is)
}

func (p *Plan) last(path string) *Span {
	if n := len(p.Spans); n > 0 && p.Spans[n-1].Path == path {
		return &p.Spans[n-1]
	}
	return nil
}

func pages(n int64) int64 { return (n + onnx.PageSize - 1) / onnx.PageSize * onnx.PageSize }
