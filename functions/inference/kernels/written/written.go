// Package written puts standard operators in the place of this project's GPU operators, by the formulas that kernels/cuda documents, so
// that the CPU runs the graph that a GPU gets, for tests: every value is held in float32, rounded to the type that it has on the GPU.
// What is not rounded as there is what happens inside an operator: sums of products are float32 in both, in another order.
package written

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Out rewrites m, a graph that fuse.CUDA has made, in place.
func Out(m *onnx.Model) error {
	w := &writer{m: m, half: map[string]onnx.DType{}, name: map[string]string{}, weights: map[string]*onnx.Tensor{}, have: map[string]bool{}}
	for i := range m.Graph.Initializers {
		t := &m.Graph.Initializers[i]
		w.weights[t.Name] = t
		w.declare(t.Name, t.Type)
	}
	for _, in := range m.Graph.Inputs {
		w.declare(in.Name, in.Type)
	}
	for _, o := range m.Graph.Outputs {
		if narrow(o.Type) {
			w.name[o.Name] = o.Name + "/wide"
		}
	}
	for _, n := range m.Graph.Nodes {
		if err := w.node(n); err != nil {
			return fmt.Errorf("node %s: %w", n.Name, err)
		}
	}
	m.Graph.Nodes, m.Graph.Initializers = w.nodes, append(m.Graph.Initializers, w.added...)
	return nil
}

type writer struct {
	m       *onnx.Model
	nodes   []onnx.Node
	half    map[string]onnx.DType // the types of values that have 16 bits on the GPU
	name    map[string]string     // value → the float32 value that stands for it, where that is another
	weights map[string]*onnx.Tensor
	added   []onnx.Tensor
	have    map[string]bool // constants and conversions that are there
}

func narrow(t onnx.DType) bool { return t == onnx.BFloat16 || t == onnx.Float16 }

// declare is a value that comes in its own type.
func (w *writer) declare(v string, t onnx.DType) {
	if narrow(t) {
		w.half[v], w.name[v] = t, v+"/wide"
	}
}

// in is a value in float32.
func (w *writer) in(v string) string {
	wide, ok := w.name[v]
	if !ok {
		return v
	}
	if _, made := w.have[wide]; !made { // an input or a weight
		w.op("Cast", []string{v}, []string{wide}, onnx.Int("to", onnx.Float32))
		w.have[wide] = true
	}
	return wide
}

func (w *writer) op(op string, in, out []string, attrs ...onnx.Attr) {
	w.nodes = append(w.nodes, onnx.Node{Name: out[0] + "/" + op, Op: op, Inputs: in, Outputs: out, Attrs: attrs})
}

// rounds makes the value v of type t by what make gives the name of a float32 value to; 0 is a type that is not rounded.
func (w *writer) rounds(v string, t onnx.DType, make func(exact string)) {
	if !narrow(t) {
		make(v)
		return
	}
	w.half[v] = t
	exact, rounded, wide := v+"/exact", v+"/rounded", v
	if n, ok := w.name[v]; ok { // an output of the graph, in its own type
		rounded, wide = v, n
	}
	make(exact)
	w.op("Cast", []string{exact}, []string{rounded}, onnx.Int("to", t))
	w.op("Cast", []string{rounded}, []string{wide}, onnx.Int("to", onnx.Float32))
	w.have[wide] = true
}

func (w *writer) node(n onnx.Node) error {
	given := n.Inputs
	n.Inputs = slices.Clone(n.Inputs)
	for i, v := range given {
		if v != "" {
			n.Inputs[i] = w.in(v)
		}
	}
	if n.Domain == fuse.Domain {
		return w.own(n, given)
	}
	w.standard(n, given)
	return nil
}

// exact are standard operators whose results are no numbers of their inputs' type.
var exact = map[string]bool{"Shape": true, "Size": true, "Equal": true, "Greater": true, "GreaterOrEqual": true, "Less": true, "LessOrEqual": true, "IsNaN": true}

func (w *writer) standard(n onnx.Node, given []string) {
	t := onnx.DType(0)
	for _, v := range given {
		t = max(t, w.half[v])
	}
	switch {
	case n.Op == "Cast" && narrow(onnx.DType(integer(n, "to"))):
		w.rounds(n.Outputs[0], onnx.DType(integer(n, "to")), func(exact string) { w.op("Identity", n.Inputs[:1], []string{exact}) })
	case n.Op == "Cast" || exact[n.Op] || t == 0:
		w.nodes = append(w.nodes, n)
	default:
		w.all(n, t)
	}
}

// all keeps a node, every result of which is rounded.
func (w *writer) all(n onnx.Node, t onnx.DType) {
	names := make([]string, len(n.Outputs))
	var put func(i int)
	put = func(i int) {
		if i == len(names) {
			n.Outputs = names
			w.nodes = append(w.nodes, n)
			return
		}
		w.rounds(n.Outputs[i], t, func(exact string) { names[i] = exact; put(i + 1) })
	}
	put(0)
}

func integer(n onnx.Node, name string) int64 {
	i := slices.IndexFunc(n.Attrs, func(a onnx.Attr) bool { return a.Name == name })
	if i < 0 {
		return 0
	}
	return n.Attrs[i].I
}

func find(n onnx.Node, name string) (onnx.Attr, bool) {
	i := slices.IndexFunc(n.Attrs, func(a onnx.Attr) bool { return a.Name == name })
	if i < 0 {
		return onnx.Attr{}, false
	}
	return n.Attrs[i], true
}

func number(n onnx.Node, name string) float32 {
	i := slices.IndexFunc(n.Attrs, func(a onnx.Attr) bool { return a.Name == name })
	if i < 0 {
		return 0
	}
	return n.Attrs[i].F
}

func text(n onnx.Node, name string) string {
	i := slices.IndexFunc(n.Attrs, func(a onnx.Attr) bool { return a.Name == name })
	if i < 0 {
		return ""
	}
	return n.Attrs[i].S
}

func input(n onnx.Node, i int) string {
	if i < len(n.Inputs) {
		return n.Inputs[i]
	}
	return ""
}

// constant adds one, unless it is there.
func (w *writer) constant(t onnx.Tensor) string {
	if !w.have[t.Name] {
		w.have[t.Name] = true
		w.added = append(w.added, t)
	}
	return t.Name
}

func (w *writer) float(v float32) string {
	return w.constant(onnx.Tensor{Name: fmt.Sprintf("written %g", v), Type: onnx.Float32, Raw: binary.LittleEndian.AppendUint32(nil, math.Float32bits(v))})
}

func (w *writer) floats(v ...float32) string {
	var raw []byte
	for _, f := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
	}
	return w.constant(onnx.Tensor{Name: fmt.Sprint("written floats ", v), Type: onnx.Float32, Dims: []int64{int64(len(v))}, Raw: raw})
}

func (w *writer) ints(v ...int64) string {
	var raw []byte
	for _, i := range v {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(i))
	}
	return w.constant(onnx.Tensor{Name: fmt.Sprint("written ints ", v), Type: onnx.Int64, Dims: []int64{int64(len(v))}, Raw: raw})
}
