package ort

import (
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

func TestAStateIsOverwrittenWhereItsOneReaderAllowsIt(t *testing.T) {
	make := func(change func(m *onnx.Model)) map[string]string {
		info := func(name string) onnx.ValueInfo {
			return onnx.ValueInfo{Name: name, Type: onnx.Float16, Dims: onnx.Dims(1, 2, "h", "w", 8)}
		}
		m := &onnx.Model{}
		m.Graph.Inputs, m.Graph.Outputs = []onnx.ValueInfo{info("cache")}, []onnx.ValueInfo{info("cache.next")}
		m.Graph.Nodes = []onnx.Node{{Op: "ClipConv", Domain: "ai.videosdgx", Inputs: []string{"x", "w", "b", "cache"}, Outputs: []string{"y", "cache.next"}, Attrs: []onnx.Attr{onnx.Int("carry", 2)}}}
		change(m)
		return overwritten(m)
	}
	if got := make(func(*onnx.Model) {}); got["cache.next"] != "cache" {
		t.Errorf("nothing may be overwritten: %v", got)
	}
	for name, change := range map[string]func(*onnx.Model){
		"another reader": func(m *onnx.Model) {
			m.Graph.Nodes = append(m.Graph.Nodes, onnx.Node{Op: "Shape", Inputs: []string{"cache"}, Outputs: []string{"s"}})
		},
		"read again": func(m *onnx.Model) {
			m.Graph.Nodes = append(m.Graph.Nodes, onnx.Node{Op: "Shape", Inputs: []string{"cache.next"}, Outputs: []string{"s"}})
		},
		"fewer frames":     func(m *onnx.Model) { m.Graph.Nodes[0].Attrs[0].I = 1 },
		"another operator": func(m *onnx.Model) { m.Graph.Nodes[0].Op = "Concat" },
	} {
		if got := make(change); len(got) != 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAGraphThatBeginsAClipGivesItsMemoryBack(t *testing.T) {
	graph := func(inputs, outputs []string) *onnx.Model {
		m := &onnx.Model{}
		for _, n := range inputs {
			m.Graph.Inputs = append(m.Graph.Inputs, onnx.ValueInfo{Name: n})
		}
		for _, n := range outputs {
			m.Graph.Outputs = append(m.Graph.Outputs, onnx.ValueInfo{Name: n})
		}
		return m
	}
	for _, c := range []struct {
		name            string
		inputs, outputs []string
		want            bool
	}{
		{"the first of a pair", []string{"latent"}, []string{"video", "cache.00.next"}, true},
		{"the one that goes on", []string{"latent", "cache.00"}, []string{"video", "cache.00.next"}, false},
		{"one whose states come in slots", []string{"x", "keys.0", "keys.1"}, []string{"y", "keys.next"}, false},
		{"one without states", []string{"x"}, []string{"y"}, false},
	} {
		if got := starts(graph(c.inputs, c.outputs)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
