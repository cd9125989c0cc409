package fuse

import (
	"fmt"
	"maps"
	"slices"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// graph is a model being rewritten. A node that a pass took out has no operator until compact drops it.
type graph struct {
	m       *onnx.Model
	o       Options
	nodes   []onnx.Node
	weights map[string]*onnx.Tensor
	made    map[string]int   // value → index of the node that makes it
	used    map[string][]int // value → indices of the nodes that take it
	count   int              // of values made here
	host    bool             // for the CPU's operators
	pixels  bool             // its norms are by the mean over a point's channels
}

func newGraph(m *onnx.Model, o Options) *graph {
	g := &graph{m: m, o: o, nodes: m.Graph.Nodes, weights: map[string]*onnx.Tensor{}}
	for i := range m.Graph.Initializers {
		t := &m.Graph.Initializers[i]
		g.weights[t.Name] = t
	}
	g.compact()
	return g
}

// compact drops nodes without an operator and finds again who makes and who takes each value.
func (g *graph) compact() {
	g.nodes = slices.DeleteFunc(g.nodes, func(n onnx.Node) bool { return n.Op == "" })
	g.made, g.used = map[string]int{}, map[string][]int{}
	for i, n := range g.nodes {
		for _, v := range n.Outputs {
			g.made[v] = i
		}
		for _, v := range n.Inputs {
			if v != "" {
				g.used[v] = append(g.used[v], i)
			}
		}
	}
}

// maker is the node that makes a value, if it is of that operator.
func (g *graph) maker(value, op string) *onnx.Node {
	i, ok := g.made[value]
	if !ok || g.nodes[i].Op != op {
		return nil
	}
	return &g.nodes[i]
}

// only is the one node that takes a value, if there is one alone and it is of that operator.
func (g *graph) only(value, op string) *onnx.Node {
	by := g.used[value]
	if len(by) != 1 || g.nodes[by[0]].Op != op {
		return nil
	}
	return &g.nodes[by[0]]
}

// dim is the last dimension of a weight; 0 where the value is none.
func (g *graph) dim(value string) int64 {
	t := g.weights[value]
	if t == nil || len(t.Dims) == 0 {
		return 0
	}
	return t.Dims[len(t.Dims)-1]
}

// fresh names a value or node of this package's making.
func (g *graph) fresh(like string) string {
	g.count++
	return fmt.Sprintf("%s/fused.%d", like, g.count)
}

func own(op, name string, in, out []string, attrs ...onnx.Attr) onnx.Node {
	return onnx.Node{Name: name, Op: op, Domain: Domain, Inputs: in, Outputs: out, Attrs: attrs}
}

func (g *graph) is(n *onnx.Node, op string) bool { return n.Domain == Domain && n.Op == op }

func attr(n *onnx.Node, name string) (onnx.Attr, bool) {
	i := slices.IndexFunc(n.Attrs, func(a onnx.Attr) bool { return a.Name == name })
	if i < 0 {
		return onnx.Attr{}, false
	}
	return n.Attrs[i], true
}

func number(n *onnx.Node, name string, otherwise float32) onnx.Attr {
	if a, ok := attr(n, name); ok {
		return onnx.Float(name, a.F)
	}
	return onnx.Float(name, otherwise)
}

func integer(n *onnx.Node, name string) int64 {
	a, _ := attr(n, name)
	return a.I
}

func text(n *onnx.Node, name string) string {
	a, _ := attr(n, name)
	return a.S
}

func input(n *onnx.Node, i int) string {
	if i < len(n.Inputs) {
		return n.Inputs[i]
	}
	return ""
}

// sort puts every node behind what it takes, and otherwise keeps their order.
func (g *graph) sort() error {
	g.compact()
	done, sorted := make([]bool, len(g.nodes)), make([]onnx.Node, 0, len(g.nodes))
	var visit func(i, depth int) error
	visit = func(i, depth int) error {
		if done[i] {
			return nil
		}
		if depth > len(g.nodes) {
			return fmt.Errorf("fuse: node %s depends on itself", g.nodes[i].Name)
		}
		for _, v := range g.nodes[i].Inputs {
			if j, ok := g.made[v]; ok {
				if err := visit(j, depth+1); err != nil {
					return err
				}
			}
		}
		if !done[i] {
			done[i] = true
			sorted = append(sorted, g.nodes[i])
		}
		return nil
	}
	for i := range g.nodes {
		if err := visit(i, 0); err != nil {
			return err
		}
	}
	g.nodes = sorted
	g.compact()
	return nil
}

// store gives the model its nodes, and the weights that some node takes.
func (g *graph) store() {
	g.compact()
	g.m.Graph.Nodes = g.nodes
	kept := g.m.Graph.Initializers[:0:0]
	seen := map[string]bool{}
	for _, t := range g.m.Graph.Initializers {
		seen[t.Name] = true
		if len(g.used[t.Name]) > 0 {
			kept = append(kept, t)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(g.weights)) {
		if !seen[name] && len(g.used[name]) > 0 {
			kept = append(kept, *g.weights[name])
		}
	}
	g.m.Graph.Initializers = kept
	if !slices.ContainsFunc(g.m.Opsets, func(o onnx.Opset) bool { return o.Domain == Domain }) {
		g.m.Opsets = append(g.m.Opsets, onnx.Opset{Domain: Domain, Version: 1})
	}
}
