package fuse

import (
	"fmt"
	"slices"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// ports are the types that an operator of ours takes and gives; 0 stands for the type of activations, stream for the residual stream's.
var ports = map[string]struct{ in, out []onnx.DType }{
	quantLinear:          {[]onnx.DType{0, onnx.Uint8, any, onnx.Float32, onnx.Float32, onnx.Uint8, onnx.Float32}, []onnx.DType{0}},
	codeLinear:           {[]onnx.DType{onnx.Uint8, onnx.Float32, onnx.Uint8, onnx.Float32, onnx.Float32, onnx.Float32, onnx.Uint8, onnx.Float32}, []onnx.DType{0}},
	modulatedNorm:        {[]onnx.DType{stream, onnx.Float32, onnx.Float32}, []onnx.DType{0}},
	"ModulatedNormCodes": {[]onnx.DType{stream, onnx.Float32, onnx.Float32}, []onnx.DType{onnx.Uint8, onnx.Float32}},
	gatedNorm:            {[]onnx.DType{stream, 0, onnx.Float32, onnx.Float32, onnx.Float32}, []onnx.DType{stream, 0}},
	"GatedNormCodes":     {[]onnx.DType{stream, 0, onnx.Float32, onnx.Float32, onnx.Float32}, []onnx.DType{stream, onnx.Uint8, onnx.Float32}},
	gatedAdd:             {[]onnx.DType{stream, 0, onnx.Float32}, []onnx.DType{stream}},
	rmsRotary:            {[]onnx.DType{0, onnx.Float32, onnx.Float32, onnx.Float32}, []onnx.DType{0}},
	channelNorm:          {[]onnx.DType{0, onnx.Float32}, []onnx.DType{0}},
	clipConv:             {[]onnx.DType{0, 0, onnx.Float32, 0, 0}, []onnx.DType{0, 0}},
	lastNorm:             {[]onnx.DType{0, onnx.Float32}, []onnx.DType{0}},
	double:               {[]onnx.DType{0}, []onnx.DType{0}},
	quantizeRows:         {[]onnx.DType{0}, []onnx.DType{onnx.Uint8, onnx.Float32}},
}

const (
	any    = onnx.DType(-1) // a port that takes whatever type the value has
	stream = onnx.DType(-2)
)

// single are operators that the library has in float32, not in BF16.
var single = map[string]bool{"Clip": true, "Pad": true, "Resize": true, "ReduceL2": true}

// types gives every value a type and converts where a node takes another than it is given. Nodes of the standard domain are
// of one type: that of activations where one of their inputs is, else what they were.
func (g *graph) types() error {
	if err := g.sort(); err != nil {
		return err
	}
	g.compact()
	t := &typing{graph: g, autoencoder: g.autoencoder(), of: map[string]onnx.DType{}, cast: map[string]string{}, summed: map[string]bool{}, coded: map[string]bool{}}
	for _, in := range g.m.Graph.Inputs {
		t.of[in.Name] = in.Type
	}
	for name, w := range g.weights {
		t.of[name] = w.Type
	}
	for i := range g.nodes {
		if err := t.node(g.nodes[i]); err != nil {
			return err
		}
	}
	g.nodes = t.out
	t.outputs()
	return nil
}

type typing struct {
	*graph
	autoencoder bool
	of          map[string]onnx.DType
	cast        map[string]string // value and type → its conversion
	summed      map[string]bool   // values of the residual stream that an operator of ours, or an Add behind one, has made
	coded       map[string]bool   // values that were converted from FP8
	out         []onnx.Node
}

func (t *typing) node(n onnx.Node) error {
	p, ok := ports[n.Op]
	if n.Domain == Domain && !ok {
		return fmt.Errorf("fuse: operator %s of %s has no types", n.Op, n.Name)
	}
	n.Inputs = append([]string(nil), n.Inputs...)
	if n.Domain != Domain {
		return t.standard(n)
	}
	for i, v := range n.Inputs {
		if want := t.resolved(p.in[i]); v != "" && want != any {
			n.Inputs[i] = t.as(v, want)
		}
	}
	for i, v := range n.Outputs {
		t.of[v], t.summed[v] = t.resolved(p.out[i]), p.out[i] == stream
	}
	n.Op = t.named(n.Op)
	t.out = append(t.out, n)
	return nil
}

func (t *typing) resolved(d onnx.DType) onnx.DType {
	switch d {
	case 0:
		return t.o.Type
	case stream:
		return t.o.Stream
	}
	return d
}

// named is an operator's name with the type of its result, where nothing that it takes says it.
func (t *typing) named(op string) string {
	suffix := map[onnx.DType]string{onnx.BFloat16: "BF16", onnx.Float16: "FP16"}[t.o.Type]
	if op == modulatedNorm && t.o.Stream != t.o.Type || op == codeLinear && t.o.Type == onnx.Float16 {
		return op + suffix
	}
	return op
}

// standard types a node whose floating inputs and outputs share a type.
func (t *typing) standard(n onnx.Node) error {
	kind, floats := onnx.DType(0), 0
	for _, v := range n.Inputs {
		switch d := t.of[v]; d {
		case onnx.BFloat16, onnx.Float16, onnx.Float32:
			floats++
			if kind == 0 || d != onnx.Float32 {
				kind = d
			}
		}
	}
	switch {
	case n.Op == "MultiHeadAttention": // softmax is float32 inside
		kind = t.o.Type
	case (n.Op == "Add" || n.Op == "Concat") && t.sums(n):
		kind = t.o.Stream
	case n.Op == "Conv" && t.autoencoder && floats > 0:
		kind = t.o.Type
	case single[n.Op] && kind == onnx.BFloat16:
		kind = onnx.Float32
	}
	result := kind
	switch {
	case n.Op == "Cast":
		result = onnx.DType(integer(&n, "to"))
	case n.Op == "Shape":
		result = onnx.Int64
	case floats == 0 && len(n.Inputs) > 0:
		result = t.of[n.Inputs[0]]
	default:
		for i, v := range n.Inputs {
			if d := t.of[v]; (d == onnx.Float32 || d == onnx.BFloat16 || d == onnx.Float16) && d != kind {
				n.Inputs[i] = t.as(v, kind)
			}
		}
	}
	for _, v := range n.Outputs {
		t.coded[v] = n.Op == "Cast" && t.of[n.Inputs[0]] == onnx.Float8E4M3
		t.of[v], t.summed[v] = result, result == t.o.Stream && t.sums(n) && (n.Op == "Add" || moves[n.Op])
	}
	t.out = append(t.out, n)
	return nil
}

// moves are operators that arrange a value otherwise.
var moves = map[string]bool{"Identity": true, "Reshape": true, "Transpose": true, "Squeeze": true, "Unsqueeze": true, "Slice": true, "Split": true}

// sums says whether a node takes a value of the residual stream.
func (t *typing) sums(n onnx.Node) bool {
	return slices.ContainsFunc(n.Inputs, func(v string) bool { return t.summed[v] })
}

// as is the value in a type, through a conversion that all who want it share.
func (t *typing) as(v string, want onnx.DType) string {
	if t.of[v] == want {
		return v
	}
	key := fmt.Sprint(v, " as ", want)
	if c, ok := t.cast[key]; ok {
		return c
	}
	t.cast[key], t.of[key] = key, want
	if w := t.weights[v]; w != nil && w.Content != nil && w.Type == onnx.Float32 { // converted once, when the bundle is built
		return t.stored(w, want, key)
	}
	if t.coded[v] { // the library would make one conversion of the two, which it does not have
		apart := t.fresh(v)
		t.out = append(t.out, onnx.Node{Name: apart, Op: "Identity", Inputs: []string{v}, Outputs: []string{apart}})
		v = apart
	}
	t.out = append(t.out, onnx.Node{Name: key, Op: "Cast", Inputs: []string{v}, Outputs: []string{key}, Attrs: []onnx.Attr{onnx.Int("to", want)}})
	return key
}

// stored is a weight of the bundle in another type.
func (t *typing) stored(w *onnx.Tensor, want onnx.DType, key string) string {
	name := fmt.Sprintf("%s.%s", w.Name, halves[want])
	t.cast[key], t.of[name] = name, want
	t.weights[name] = &onnx.Tensor{Name: name, Type: want, Dims: w.Dims, Content: halving(w.Content, want, w.Name, t.autoencoder)}
	return name
}

// outputs converts results to the types that the graph declares.
func (t *typing) outputs() {
	for _, o := range t.m.Graph.Outputs {
		if t.of[o.Name] == o.Type {
			continue
		}
		for i := range t.out {
			for j, v := range t.out[i].Outputs {
				if v != o.Name {
					continue
				}
				inner := t.fresh(o.Name)
				t.out[i].Outputs = append([]string(nil), t.out[i].Outputs...)
				t.out[i].Outputs[j] = inner
				t.out = append(t.out, onnx.Node{Name: inner, Op: "Cast", Inputs: []string{inner}, Outputs: []string{o.Name}, Attrs: []onnx.Attr{onnx.Int("to", o.Type)}})
			}
		}
	}
	t.nodes = t.out
}
