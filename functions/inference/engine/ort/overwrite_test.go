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
