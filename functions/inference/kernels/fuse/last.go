package fuse

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

const (
	clipConv = "ClipConv"
	lastNorm = "LastNorm"
)

// channelsLast has an autoencoder's clips lie with their channels innermost, [1, frames, height, width, channels], where the
// operators that know this form are: a convolution takes with it what stands around it, the frames of the run before that are
// joined in front, the picture that is doubled, the sum with a shortcut, and the frames that the next run looks back at.
// Frames that one makes as channels are taken apart as they lie. States have this form too. What knows only the other form is given it
// by a transposition.
func (g *graph) channelsLast() {
	if !g.autoencoder() || g.o.Type == onnx.Float32 && !g.host || g.sort() != nil {
		return
	}
	l := &layout{graph: g, inner: map[string]string{}, outer: map[string]string{}, kept: map[string]string{}}
	l.states()
	for i := range g.nodes {
		if n := &g.nodes[i]; n.Op != "" {
			l.node(n)
		}
	}
	l.results()
	g.nodes = l.out
	g.dropUnread()
}

// layout is a graph whose nodes are taken one after the other.
type layout struct {
	*graph
	inner map[string]string // value → the same with its channels innermost, where somebody has made it
	outer map[string]string // value → the same as it was, where somebody has made that
	kept  map[string]string // output of the graph → the value that it is
	out   []onnx.Node
}

var (
	inward  = onnx.Ints("perm", 0, 2, 3, 4, 1)
	outward = onnx.Ints("perm", 0, 4, 1, 2, 3)
)

// states has the inputs that an earlier run has made come with their channels innermost.
func (l *layout) states() {
	for i := range l.m.Graph.Inputs {
		in := &l.m.Graph.Inputs[i]
		if l.isState(in.Name) && len(in.Dims) == 5 {
			in.Dims = moved(in.Dims)
			l.inner[in.Name] = in.Name
		}
	}
}

func moved(d []onnx.Dim) []onnx.Dim { return []onnx.Dim{d[0], d[2], d[3], d[4], d[1]} }

func (l *layout) node(n *onnx.Node) {
	switch {
	case n.Op == "Identity" && l.isOutput(n.Outputs[0]):
		l.kept[n.Outputs[0]] = n.Inputs[0]
	case n.Op == "Conv" && n.Domain == "" && l.convolvable(n):
		l.convolution(n)
	case l.is(n, channelNorm) && l.normable(n):
		x := l.asInner(n.Inputs[0])
		l.put(own(lastNorm, n.Name, []string{x, n.Inputs[1]}, []string{l.name(n.Outputs[0])}, n.Attrs...))
	case n.Op == "Add" && n.Domain == "" && l.bothInner(n):
		l.sum(n)
	case n.Op == "Reshape" && n.Domain == "" && l.splits(n).value != "":
		l.apart(n, l.splits(n))
	case l.lowers(n) || l.arranges(n):
	default:
		l.other(n)
	}
}

// other keeps a node that knows the outer form only. One that a convolution has taken over is kept too, and nobody reads it.
func (l *layout) other(n *onnx.Node) {
	in := slices.Clone(n.Inputs)
	for i, v := range in {
		in[i] = l.asOuter(v)
	}
	kept := *n
	kept.Inputs = in
	l.put(kept)
	for _, v := range n.Outputs {
		if l.outer[v] == "" {
			l.outer[v] = v
		}
	}
}

func (l *layout) put(n onnx.Node) { l.out = append(l.out, n) }

// name is that of a value made with its channels innermost.
func (l *layout) name(value string) string {
	l.inner[value] = value + ".last"
	return l.inner[value]
}

// asInner is a value with its channels innermost, transposed when it does not come so.
func (l *layout) asInner(value string) string {
	if v := l.inner[value]; v != "" {
		return v
	}
	l.put(onnx.Node{Name: value + ".last", Op: "Transpose", Inputs: []string{l.asOuter(value)}, Outputs: []string{l.name(value)}, Attrs: []onnx.Attr{inward}})
	return l.inner[value]
}

// asOuter is a value as it was, transposed back when it does not come so.
func (l *layout) asOuter(value string) string {
	if v := l.outer[value]; v != "" {
		return v
	}
	in := l.inner[value]
	if in == "" {
		return value // a weight, an input, nothing
	}
	l.outer[value] = value
	if in == value { // a state has this name already
		l.outer[value] = value + ".first"
	}
	l.put(onnx.Node{Name: l.outer[value], Op: "Transpose", Inputs: []string{in}, Outputs: []string{l.outer[value]}, Attrs: []onnx.Attr{outward}})
	return l.outer[value]
}

// normable says whether LastNorm takes a norm over the channels: on a GPU they are a multiple of a vector.
func (l *layout) normable(n *onnx.Node) bool {
	w := l.weights[n.Inputs[1]]
	return w != nil && (l.host || w.Elements()%vector == 0)
}

// convolvable says whether ClipConv takes a convolution.
func (l *layout) convolvable(n *onnx.Node) bool {
	w := l.weights[input(n, 1)]
	for _, a := range n.Attrs {
		if a.Name != "kernel_shape" && a.Name != "strides" && a.Name != "pads" {
			return false
		}
	}
	return w != nil && len(w.Dims) == 5 && (l.host || w.Dims[1]%vector == 0) && w.Content != nil && w.Type == onnx.Float32 && input(n, 2) != ""
}

// convolution takes a convolution and what stands in front of it.
func (l *layout) convolution(n *onnx.Node) {
	kernel, strides, pads := numbers(n, "kernel_shape"), numbers(n, "strides"), numbers(n, "pads")
	src := l.source(n.Inputs[0])
	if src.edge && pads[0]+pads[3] > 0 || src.mirror && pads[1]+pads[2]+pads[4]+pads[5] > 0 {
		src = source{value: n.Inputs[0]}
	}
	pads = src.around(pads)
	attrs := []onnx.Attr{onnx.Int("before", pads[0]+src.before), onnx.Int("top", pads[1]), onnx.Int("left", pads[2]), onnx.Int("bottom", pads[4]), onnx.Int("right", pads[5])}
	for i, axis := range []string{"t", "h", "w"} {
		attrs = append(attrs, onnx.Int("kernel_"+axis, kernel[i]), onnx.Int("stride_"+axis, strides[i]))
	}
	attrs = append(attrs, src.attrs()...)
	out := []string{l.name(n.Outputs[0])}
	if src.next != "" {
		attrs, out = append(attrs, onnx.Int("carry", src.carried)), append(out, l.name(src.next))
	}
	x, history := l.asInner(src.value), ""
	if src.history != "" {
		history = l.asInner(src.history)
	}
	l.put(own(clipConv, n.Name, []string{x, l.arranged(n.Inputs[1]), n.Inputs[2], history}, out, attrs...))
}

// bothInner says whether a sum is one of two clips with their channels innermost.
func (l *layout) bothInner(n *onnx.Node) bool {
	return len(n.Inputs) == 2 && !slices.ContainsFunc(n.Inputs, func(v string) bool { return l.inner[v] == "" })
}

// sum has the convolution that makes one of the two add the other, when nobody else wants the convolution's result.
func (l *layout) sum(n *onnx.Node) {
	for k, v := range n.Inputs {
		conv := l.clipConv(v)
		if conv == nil || len(l.used[v]) != 1 || len(conv.Inputs) != 4 {
			continue
		}
		conv.Inputs = append(conv.Inputs, l.inner[n.Inputs[1-k]])
		conv.Outputs[0] = l.name(n.Outputs[0])
		return
	}
	l.put(onnx.Node{Name: n.Name, Op: "Add", Inputs: []string{l.inner[n.Inputs[0]], l.inner[n.Inputs[1]]}, Outputs: []string{l.name(n.Outputs[0])}})
}

// results gives the graph what it promises: states with their channels innermost, everything else as it was.
func (l *layout) results() {
	for i := range l.m.Graph.Outputs {
		o := &l.m.Graph.Outputs[i]
		v, whole := l.kept[o.Name], strings.HasSuffix(o.Name, stateNext) && len(o.Dims) == 5
		if whole {
			o.Dims = moved(o.Dims)
		}
		switch {
		case v == "":
			l.asOuter(o.Name)
		case whole:
			l.call(l.asInner(v), o.Name)
		case l.outer[v] == "" && l.inner[v] != "":
			l.put(onnx.Node{Name: o.Name, Op: "Transpose", Inputs: []string{l.inner[v]}, Outputs: []string{o.Name}, Attrs: []onnx.Attr{outward}})
		default:
			l.put(onnx.Node{Name: "output/" + o.Name, Op: "Identity", Inputs: []string{l.asOuter(v)}, Outputs: []string{o.Name}})
		}
	}
}

func (l *layout) isOutput(value string) bool {
	return slices.ContainsFunc(l.m.Graph.Outputs, func(o onnx.ValueInfo) bool { return o.Name == value })
}

// call gives a value the name of an output: a copy of what stays on the device would cost its memory once more.
func (l *layout) call(value, name string) {
	if l.isOutput(value) || l.isState(value) { // it has a name that it needs
		l.put(onnx.Node{Name: "output/" + name, Op: "Identity", Inputs: []string{value}, Outputs: []string{name}})
		return
	}
	for i := range l.out {
		for _, values := range [][]string{l.out[i].Inputs, l.out[i].Outputs} {
			for k, v := range values {
				if v == value {
					values[k] = name
				}
			}
		}
	}
	for v, in := range l.inner {
		if in == value {
			l.inner[v] = name
		}
	}
}

// dropUnread takes out nodes whose results nobody wants: what a pass has taken over, and the arithmetic of shapes that it needed.
func (g *graph) dropUnread() {
	for {
		g.compact()
		wanted := map[string]bool{}
		for _, o := range g.m.Graph.Outputs {
			wanted[o.Name] = true
		}
		dropped := false
		for i := range g.nodes {
			read := func(v string) bool { return wanted[v] || len(g.used[v]) > 0 }
			if n := &g.nodes[i]; !slices.ContainsFunc(n.Outputs, read) {
				*n, dropped = onnx.Node{}, true
			}
		}
		if !dropped {
			return
		}
	}
}

// numbers is a list of integers of a node.
func numbers(n *onnx.Node, name string) []int64 {
	a, _ := attr(n, name)
	return a.Ints
}

// ints is a constant vector of integers, nil for anything else.
func (g *graph) ints(value string) []int64 {
	t := g.weights[value]
	if t == nil || t.Type != onnx.Int64 || len(t.Raw) != int(8*t.Elements()) {
		return nil
	}
	v := make([]int64, t.Elements())
	for i := range v {
		v[i] = int64(binary.LittleEndian.Uint64(t.Raw[8*i:]))
	}
	return v
}
