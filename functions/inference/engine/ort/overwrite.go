package ort

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

const (
	carrier = "ClipConv" // an operator whose second output may lie where its fourth input lies
	history = 3
	carried = 1
)

// overwritten are the outputs of a graph that may be written to the memory of an input, by output: the input is a state that
// one of our operators alone reads, and the operator promises that it has read it when it writes the next one.
func overwritten(m *onnx.Model) map[string]string {
	over, reads := map[string]string{}, map[string]int{}
	for _, n := range m.Graph.Nodes {
		for _, v := range n.Inputs {
			reads[v]++
		}
	}
	for _, n := range m.Graph.Nodes {
		if n.Op != carrier || !slices.Contains(ownDomains, n.Domain) || len(n.Inputs) <= history || len(n.Outputs) <= carried {
			continue
		}
		in, out := n.Inputs[history], n.Outputs[carried]
		if reads[in] == 1 && reads[out] == 0 && sameFrames(m, in, out, n) {
			over[out] = in
		}
	}
	return over
}

// sameFrames says whether an input and an output of the graph hold as many frames as the node carries.
func sameFrames(m *onnx.Model, in, out string, n onnx.Node) bool {
	of := func(infos []onnx.ValueInfo, name string) int64 {
		i := slices.IndexFunc(infos, func(v onnx.ValueInfo) bool { return v.Name == name && len(v.Dims) == 5 })
		if i < 0 {
			return -1
		}
		return infos[i].Dims[1].Size
	}
	i := slices.IndexFunc(n.Attrs, func(a onnx.Attr) bool { return a.Name == "carry" })
	return i >= 0 && strings.TrimSuffix(out, ".next") == in && of(m.Graph.Inputs, in) == n.Attrs[i].I && of(m.Graph.Outputs, out) == n.Attrs[i].I
}

// slot ends the name of an input that takes what an earlier run, not only the last one, has left.
var slot = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\.[0-9]+$`)
})

// starts says whether a graph only begins what others carry on: it makes states and takes none. It runs once for a clip, so what
// such a run leaves free in its session's memory is given back to the device at its end, where the graph that goes on needs it.
func starts(m *onnx.Model) bool {
	made, takes := map[string]bool{}, false
	for _, o := range m.Graph.Outputs {
		if state, ok := strings.CutSuffix(o.Name, ".next"); ok {
			made[state] = true
		}
	}
	for _, in := range m.Graph.Inputs {
		takes = takes || made[in.Name] || made[slot().ReplaceAllString(in.Name, "")]
	}
	return len(made) > 0 && !takes
}
