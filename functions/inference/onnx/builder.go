package onnx

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// OpsetVersion is what built graphs declare: the first with RMSNormalization and RotaryEmbedding.
const OpsetVersion = 23

// Value names the result of a node, an input or an initializer.
type Value string

// Builder collects a graph. Mistakes are remembered and returned by Model, so that a model family reads as its formula.
type Builder struct {
	graph  Graph
	seen   map[string]bool
	scope  []string
	counts map[string]int
	errs   []error
}

// NewBuilder starts a graph.
func NewBuilder(name string) *Builder {
	return &Builder{graph: Graph{Name: name}, seen: map[string]bool{}, counts: map[string]int{}}
}

// Fail records a mistake.
func (b *Builder) Fail(err error) { b.errs = append(b.errs, err) }

// Scoped prefixes the names of nodes made inside fn, which helps whoever reads the graph or a profile.
func (b *Builder) Scoped(name string, fn func()) {
	b.scope = append(b.scope, name)
	fn()
	b.scope = b.scope[:len(b.scope)-1]
}

// Dims makes dimensions of sizes (int, int64) and names (string).
func Dims(dims ...any) []Dim {
	out := make([]Dim, len(dims))
	for i, d := range dims {
		switch d := d.(type) {
		case int:
			out[i] = Dim{Size: int64(d)}
		case int64:
			out[i] = Dim{Size: d}
		case string:
			out[i] = Dim{Name: d}
		default:
			panic(fmt.Sprintf("onnx: a dimension is %T", d))
		}
	}
	return out
}

// Input declares a graph input.
func (b *Builder) Input(name string, t DType, dims ...any) Value {
	b.graph.Inputs = append(b.graph.Inputs, ValueInfo{Name: name, Type: t, Dims: Dims(dims...)})
	return Value(name)
}

// Output declares a graph output; the node that makes v gets the output's name through an Identity, which the optimiser drops.
func (b *Builder) Output(name string, v Value, t DType, dims ...any) {
	b.graph.Outputs = append(b.graph.Outputs, ValueInfo{Name: name, Type: t, Dims: Dims(dims...)})
	b.graph.Nodes = append(b.graph.Nodes, Node{Name: "output/" + name, Op: "Identity", Inputs: []string{string(v)}, Outputs: []string{name}})
}

// Op adds a node of the default domain with one result.
func (b *Builder) Op(op string, inputs []Value, attrs ...Attr) Value {
	return b.Node("", op, inputs, 1, attrs...)[0]
}

// Node adds a node with any number of results. Trailing empty inputs are the absent optional ones.
func (b *Builder) Node(domain, op string, inputs []Value, results int, attrs ...Attr) []Value {
	name := b.unique(op)
	n := Node{Name: name, Op: op, Domain: domain, Attrs: attrs}
	for _, v := range inputs {
		n.Inputs = append(n.Inputs, string(v))
	}
	out := make([]Value, results)
	for i := range out {
		out[i] = Value(fmt.Sprintf("%s:%d", name, i))
		n.Outputs = append(n.Outputs, string(out[i]))
	}
	b.graph.Nodes = append(b.graph.Nodes, n)
	return out
}

func (b *Builder) unique(op string) string {
	name := strings.Join(append(b.scope[:len(b.scope):len(b.scope)], op), "/")
	b.counts[name]++
	if n := b.counts[name]; n > 1 {
		name = fmt.Sprintf("%s.%d", name, n)
	}
	return name
}

// Weight adds a tensor whose content is written when the model is. A second call with the same name is the same weight.
func (b *Builder) Weight(name string, t DType, dims []int64, content func(io.Writer) error) Value {
	if !b.seen[name] {
		b.seen[name] = true
		b.graph.Initializers = append(b.graph.Initializers, Tensor{Name: name, Type: t, Dims: dims, Content: content})
	}
	return Value(name)
}

// Ints is a constant vector of int64.
func (b *Builder) Ints(v ...int64) Value {
	raw := make([]byte, 0, 8*len(v))
	for _, i := range v {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(i))
	}
	return b.constant(fmt.Sprintf("ints%v", v), Tensor{Type: Int64, Dims: []int64{int64(len(v))}, Raw: raw})
}

// Scalar is a constant scalar of int64: an index that takes its dimension away.
func (b *Builder) Scalar(i int64) Value {
	return b.constant(fmt.Sprintf("int %d", i), Tensor{Type: Int64, Raw: binary.LittleEndian.AppendUint64(nil, uint64(i))})
}

// Float is a constant scalar.
func (b *Builder) Float(f float32) Value {
	raw := binary.LittleEndian.AppendUint32(nil, math.Float32bits(f))
	return b.constant(fmt.Sprintf("float %g", f), Tensor{Type: Float32, Raw: raw})
}

// Floats is a constant tensor held in the graph itself: for what is small.
func (b *Builder) Floats(name string, dims []int64, v []float32) Value {
	raw := make([]byte, 0, 4*len(v))
	for _, f := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
	}
	return b.constant(name, Tensor{Type: Float32, Dims: dims, Raw: raw})
}

func (b *Builder) constant(name string, t Tensor) Value {
	if !b.seen[name] {
		b.seen[name] = true
		t.Name = name
		b.graph.Initializers = append(b.graph.Initializers, t)
	}
	return Value(name)
}

// mistakes are the first few in one line: a checkpoint that does not fit makes thousands.
func (b *Builder) mistakes() error {
	const most = 3
	switch n := len(b.errs); {
	case n == 0:
		return nil
	case n == 1:
		return b.errs[0]
	case n <= most:
		return fmt.Errorf("%w; %w", b.errs[0], (&Builder{errs: b.errs[1:]}).mistakes())
	default:
		return fmt.Errorf("%w (and %d more like them)", (&Builder{errs: b.errs[:most]}).mistakes(), n-most)
	}
}

// Model is the finished graph.
func (b *Builder) Model() (*Model, error) {
	if err := b.mistakes(); err != nil {
		return nil, fmt.Errorf("build graph %s: %w", b.graph.Name, err)
	}
	return &Model{IRVersion: 10, Producer: "videosdgx", Graph: b.graph, Opsets: b.opsets()}, nil
}

// opsets are version 1 of every domain that nodes name, beside the default domain; com.microsoft is there in any case, for
// what optimisers put in.
func (b *Builder) opsets() []Opset {
	all := []Opset{{Version: OpsetVersion}, {Domain: "com.microsoft", Version: 1}}
	for _, n := range b.graph.Nodes {
		if n.Domain != "" && !slices.ContainsFunc(all, func(o Opset) bool { return o.Domain == n.Domain }) {
			all = append(all, Opset{Domain: n.Domain, Version: 1})
		}
	}
	return all
}

// Parameters is the number of elements of all weights, loaded or not; constants of the graph itself are not counted.
func (m *Model) Parameters() (n int64) {
	for i := range m.Graph.Initializers {
		if t := &m.Graph.Initializers[i]; t.Content != nil || t.External != nil {
			n += t.Elements()
		}
	}
	return n
}
