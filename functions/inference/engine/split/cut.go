package split

import (
	"fmt"
	"slices"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// part is a run of nodes of a graph and what crosses its ends.
type part struct {
	from, to int      // nodes
	takes    []string // values that an earlier part has made
	gives    []string // values that a later part takes
}

// slack is the share of all weights by which a part may be larger or smaller than its equal share, for a cut that fewer values
// cross: blocks of a transformer are met at their ends.
const slack = .05

// cut finds where to cut a graph, whose nodes are in their order, into n parts of about equal weights.
func cut(m *onnx.Model, n int) ([]part, error) {
	nodes := m.Graph.Nodes
	if len(nodes) < n {
		return nil, fmt.Errorf("a graph of %d nodes cannot be cut in %d: %w", len(nodes), n, errdefs.ErrInvalidArgument)
	}
	before := weightsBefore(m)
	total := before[len(nodes)]
	cross := crossings(m)
	ends := []int{0}
	for k := 1; k < n; k++ {
		want, best := total*int64(k)/int64(n), -1
		for at := ends[k-1] + 1; at <= len(nodes)-(n-k); at++ {
			if off := before[at] - want; total > 0 && max(off, -off) > int64(slack*float64(total)) {
				continue
			}
			if best < 0 || len(cross[at]) < len(cross[best]) || len(cross[at]) == len(cross[best]) && distance(before[at], want) < distance(before[best], want) {
				best = at
			}
		}
		if best < 0 {
			return nil, fmt.Errorf("no cut of the graph leaves parts of about equal weights: %w", errdefs.ErrInvalidArgument)
		}
		ends = append(ends, best)
	}
	return parts(append(ends, len(nodes)), cross), nil
}

func distance(a, b int64) int64 { return max(a-b, b-a) }

func parts(ends []int, cross [][]string) (all []part) {
	for k := range len(ends) - 1 {
		p := part{from: ends[k], to: ends[k+1]}
		if k > 0 {
			p.takes = cross[p.from]
		}
		if k < len(ends)-2 {
			p.gives = cross[p.to]
		}
		all = append(all, p)
	}
	return all
}

// weightsBefore are the bytes of the weights that the nodes before each node take; a weight counts where it is taken first.
func weightsBefore(m *onnx.Model) []int64 {
	size := map[string]int64{}
	for i := range m.Graph.Initializers {
		w := &m.Graph.Initializers[i]
		size[w.Name] = w.Bytes()
	}
	before := make([]int64, len(m.Graph.Nodes)+1)
	for i, n := range m.Graph.Nodes {
		before[i+1] = before[i]
		for _, v := range n.Inputs {
			before[i+1] += size[v]
			delete(size, v)
		}
	}
	return before
}

// crossings are, for every place between two nodes, the values that a node before it makes and one behind it takes.
func crossings(m *onnx.Model) [][]string {
	last := map[string]int{}
	for i, n := range m.Graph.Nodes {
		for _, v := range n.Inputs {
			last[v] = i
		}
	}
	cross := make([][]string, len(m.Graph.Nodes)+1)
	open := map[string]bool{}
	for i, n := range m.Graph.Nodes {
		for _, v := range n.Outputs {
			if last[v] > i {
				open[v] = true
			}
		}
		for v := range open {
			if last[v] <= i {
				delete(open, v)
			}
		}
		for v := range open {
			cross[i+1] = append(cross[i+1], v)
		}
		slices.Sort(cross[i+1])
	}
	return cross
}

// keep makes m the graph of one part: its nodes, the weights and inputs that they take, the outputs that they make.
func (p part) keep(m *onnx.Model) error {
	types, err := typesOf(m)
	if err != nil {
		return err
	}
	g := &m.Graph
	g.Nodes = g.Nodes[p.from:p.to]
	taken, made := map[string]bool{}, map[string]bool{}
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			taken[v] = true
		}
		for _, v := range n.Outputs {
			made[v] = true
		}
	}
	g.Initializers = slices.DeleteFunc(g.Initializers, func(t onnx.Tensor) bool { return !taken[t.Name] })
	g.Inputs = slices.DeleteFunc(g.Inputs, func(v onnx.ValueInfo) bool { return !taken[v.Name] })
	g.Outputs = slices.DeleteFunc(g.Outputs, func(v onnx.ValueInfo) bool { return !made[v.Name] })
	g.Values = nil
	for _, v := range p.takes {
		g.Inputs = append(g.Inputs, onnx.ValueInfo{Name: v, Type: types[v], Unranked: true})
	}
	for _, v := range p.gives {
		if made[v] { // else it only passes by
			g.Outputs = append(g.Outputs, onnx.ValueInfo{Name: v, Type: types[v], Unranked: true})
		}
	}
	g.Inputs = slices.DeleteFunc(g.Inputs, func(v onnx.ValueInfo) bool { return !taken[v.Name] })
	return nil
}
