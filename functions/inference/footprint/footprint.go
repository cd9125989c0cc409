// Package footprint says how much memory a graph's activations take at their peak, without running it: shapes are inferred for
// given sizes of its dimensions, and every result lives from the node that makes it to the last that reads it, as engines
// allocate. It knows the operators that package nn emits; a graph with another one is an error, not a guess.
package footprint

import (
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Peak is the memory of a graph's activations, inputs and outputs included, weights not.
type Peak struct {
	Bytes int64
	At    string             // the node at which it is reached
	Out   map[string][]int64 // shapes of the outputs
}

// Of is the peak of a graph whose named dimensions have the sizes in dims, and whose inputs have, where given, the shapes in
// inputs. Dimensions of one name may differ between inputs that have shapes of their own.
func Of(m *onnx.Model, dims map[string]int64, inputs map[string][]int64) (Peak, error) {
	return newWalk(m).of(m, dims, inputs)
}

// OnCPU is Of on the CPU, whose attention holds its queries, keys and values a second time, head by head.
func OnCPU(m *onnx.Model, dims map[string]int64, inputs map[string][]int64) (Peak, error) {
	w := newWalk(m)
	w.turns = true
	return w.of(m, dims, inputs)
}

func (w *walk) of(m *onnx.Model, dims map[string]int64, inputs map[string][]int64) (Peak, error) {
	for _, in := range m.Graph.Inputs {
		if err := w.input(in, dims, inputs[in.Name]); err != nil {
			return Peak{}, err
		}
	}
	if err := w.nodes(m); err != nil {
		return Peak{}, err
	}
	p := Peak{Bytes: w.peak, At: w.at, Out: map[string][]int64{}}
	for _, out := range m.Graph.Outputs {
		p.Out[out.Name] = w.values[out.Name].dims
	}
	return p, nil
}

// value is what is known of a value: its shape, and its content where that is a small vector of integers.
type value struct {
	dtype  onnx.DType
	dims   []int64
	ints   []int64
	weight bool
	buf    *buffer
}

// buffer is memory that one or more values lie in.
type buffer struct {
	bytes int64
	uses  int
	piece *piece // of the arena, where there is one
	lent  bool   // it belongs to somebody else
}

type walk struct {
	values     map[string]*value
	uses       map[string]int
	live, peak int64
	at         string
	turns      bool // attention turns its operands round

	arena *Arena            // nil: bytes alone are counted
	over  map[string]string // result → state that it is written over
	lies  map[string]*piece // of the states
}

// newWalk knows a graph's weights and how often each value is read.
func newWalk(m *onnx.Model) *walk {
	w := &walk{values: map[string]*value{}, uses: map[string]int{}}
	for i := range m.Graph.Nodes {
		for _, in := range m.Graph.Nodes[i].Inputs {
			w.uses[in]++
		}
	}
	for _, out := range m.Graph.Outputs {
		w.uses[out.Name]++ // whoever asked
	}
	for i := range m.Graph.Initializers {
		t := &m.Graph.Initializers[i]
		w.values[t.Name] = &value{dtype: t.Type, dims: t.Dims, ints: intsOf(t), weight: true}
	}
	return w
}

func (w *walk) nodes(m *onnx.Model) error {
	for i := range m.Graph.Nodes {
		if err := w.node(&m.Graph.Nodes[i]); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) input(in onnx.ValueInfo, dims map[string]int64, shape []int64) error {
	v := &value{dtype: in.Type, dims: shape}
	if shape == nil {
		v.dims = make([]int64, len(in.Dims))
		for i, d := range in.Dims {
			v.dims[i] = d.Size
			if d.Name != "" {
				n, ok := dims[d.Name]
				if !ok {
					return fmt.Errorf("the size of the dimension %s of %s is not given: %w", d.Name, in.Name, errdefs.ErrInvalidArgument)
				}
				v.dims[i] = n
			}
		}
	}
	w.alloc(in.Name, v)
	w.note(in.Name)
	return nil
}

// alloc gives a value memory of its own.
func (w *walk) alloc(name string, v *value) {
	w.values[name] = v
	if at, ok := w.lies[w.over[name]]; ok && w.over[name] != "" {
		v.buf = &buffer{piece: at, lent: true, uses: w.uses[name]}
		return
	}
	v.buf = &buffer{bytes: v.dtype.Size(product(v.dims)), uses: w.uses[name]}
	w.live += v.buf.bytes
	if w.arena != nil {
		v.buf.piece = w.arena.take(v.buf.bytes)
	}
	if v.buf.uses == 0 {
		w.drop(v.buf) // as soon as it is made
	}
}

func (w *walk) note(at string) {
	if w.live > w.peak {
		w.peak, w.at = w.live, at
	}
}

func (w *walk) node(n *onnx.Node) error {
	in := make([]*value, len(n.Inputs))
	for i, name := range n.Inputs {
		if name != "" {
			if in[i] = w.values[name]; in[i] == nil {
				return fmt.Errorf("node %s reads %s, which nothing makes: %w", n.Name, name, errdefs.ErrInvalidArgument)
			}
		}
	}
	out, extra, err := infer(n, in)
	if err != nil {
		return fmt.Errorf("node %s: %w", n.Name, err)
	}
	if views[n.Op] && in[0].buf != nil {
		in[0].buf.uses += w.uses[n.Outputs[0]]
		out[0].buf = in[0].buf
		w.values[n.Outputs[0]] = out[0]
	} else {
		reused := w.reuse(n, in, out)
		for i, v := range out {
			if (i > 0 || !reused) && n.Outputs[i] != "" {
				w.alloc(n.Outputs[i], v)
			}
		}
	}
	if w.turns && attends[n.Op] {
		for _, v := range in[:3] {
			extra += v.dtype.Size(product(v.dims))
		}
	}
	w.live += extra
	w.note(n.Name)
	w.live -= extra
	if w.arena != nil {
		w.arena.give(w.arena.take(extra))
	}
	for _, v := range in {
		w.release(v)
	}
	return nil
}

// reuse lets an elementwise node write over an operand of the same size that nobody reads afterwards.
func (w *walk) reuse(n *onnx.Node, in, out []*value) bool {
	if !inPlace[n.Op] || len(out) != 1 || w.uses[n.Outputs[0]] == 0 {
		return false
	}
	for _, v := range in {
		if v != nil && v.buf != nil && !v.buf.lent && v.buf.uses == 1 && v.buf.bytes == out[0].dtype.Size(product(out[0].dims)) {
			v.buf.uses += w.uses[n.Outputs[0]]
			out[0].buf = v.buf
			w.values[n.Outputs[0]] = out[0]
			return true
		}
	}
	return false
}

func (w *walk) release(v *value) {
	if v == nil || v.buf == nil {
		return
	}
	if v.buf.uses--; v.buf.uses == 0 {
		w.drop(v.buf)
	}
}

func (w *walk) drop(b *buffer) {
	if b.lent {
		return
	}
	w.live -= b.bytes
	if w.arena != nil {
		w.arena.give(b.piece)
	}
}

func product(dims []int64) int64 {
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	return n
}
