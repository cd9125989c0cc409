package fuse_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// writeOut puts standard operators in the place of each of ours, by the formulas that kernels/cuda documents.
func writeOut(m *onnx.Model) {
	b := &writer{}
	for _, n := range m.Graph.Nodes {
		b.node(n)
	}
	m.Graph.Nodes = b.nodes
	one := onnx.Tensor{Name: "out.one", Type: onnx.Float32, Raw: []byte{0, 0, 0x80, 0x3f}}
	zero := onnx.Tensor{Name: "out.zero", Type: onnx.Float32, Raw: []byte{0, 0, 0, 0}}
	axis := onnx.Tensor{Name: "out.axis", Type: onnx.Int64, Dims: []int64{1}, Raw: []byte{1, 0, 0, 0, 0, 0, 0, 0}}
	epsilon := onnx.Tensor{Name: "out.epsilon", Type: onnx.Float32, Raw: binary.LittleEndian.AppendUint32(nil, math.Float32bits(1e-12))}
	scales := onnx.Tensor{Name: "scales.double", Type: onnx.Float32, Dims: []int64{4}, Raw: []byte{0, 0, 0x80, 0x3f, 0, 0, 0x80, 0x3f, 0, 0, 0, 0x40, 0, 0, 0, 0x40}}
	m.Graph.Initializers = append(m.Graph.Initializers, one, zero, axis, epsilon, scales)
}

type writer struct{ nodes []onnx.Node }

func (w *writer) op(op string, in, out []string, attrs ...onnx.Attr) {
	w.nodes = append(w.nodes, onnx.Node{Name: out[0] + "/" + op, Op: op, Inputs: in, Outputs: out, Attrs: attrs})
}

func real(n onnx.Node, name string) float32 {
	for _, a := range n.Attrs {
		if a.Name == name {
			return a.F
		}
	}
	return 0
}

func (w *writer) node(n onnx.Node) {
	name := n.Outputs[0]
	switch n.Op {
	case "ModulatedNorm":
		w.norm(n, n.Inputs[0], n.Inputs[1], n.Inputs[2], name)
	case "GatedNorm":
		w.gated(n.Inputs[0], n.Inputs[1], n.Inputs[2], name)
		w.norm(n, name, n.Inputs[3], n.Inputs[4], n.Outputs[1])
	case "GatedAdd":
		w.gated(n.Inputs[0], n.Inputs[1], n.Inputs[2], name)
	case "ChannelNorm":
		w.channelNorm(n)
	case "ClipConv":
		w.clipConv(n)
	case "LastNorm":
		w.outward(n.Inputs[0])
		w.channelNorm(onnx.Node{Inputs: []string{n.Inputs[0] + "/first", n.Inputs[1]}, Outputs: []string{name + "/first"}, Attrs: n.Attrs})
		w.inward(name+"/first", name)
	case "Double":
		w.op("Resize", []string{n.Inputs[0], "", "scales.double"}, n.Outputs,
			onnx.Str("mode", "nearest"), onnx.Str("coordinate_transformation_mode", "asymmetric"), onnx.Str("nearest_mode", "floor"))
	case "RMSRotary":
		normed := name
		if len(n.Inputs) == 4 {
			normed = name + "/normed"
			defer func() {
				w.op("RotaryEmbedding", []string{normed, n.Inputs[2], n.Inputs[3]}, n.Outputs, onnx.Int("interleaved", 1), onnx.Int("num_heads", heads))
			}()
		}
		w.op("RMSNormalization", n.Inputs[:2], []string{normed}, onnx.Int("axis", -1), onnx.Float("epsilon", real(n, "epsilon")))
	default:
		w.nodes = append(w.nodes, n)
	}
}

func (w *writer) channelNorm(n onnx.Node) {
	name, normed := n.Outputs[0], n.Outputs[0]
	for _, a := range n.Attrs {
		if a.Name == "activation" && a.S == "silu" {
			normed += "/normed"
		}
	}
	w.op("ReduceL2", []string{n.Inputs[0], "out.axis"}, []string{name + "/l2"})
	w.op("Max", []string{name + "/l2", "out.epsilon"}, []string{name + "/most"})
	w.op("Div", []string{n.Inputs[0], name + "/most"}, []string{name + "/unit"})
	w.op("Mul", []string{name + "/unit", n.Inputs[1]}, []string{normed})
	if normed != name {
		w.op("Sigmoid", []string{normed}, []string{name + "/sigmoid"})
		w.op("Mul", []string{normed, name + "/sigmoid"}, []string{name})
	}
}

func (w *writer) gated(x, y, gate, out string) {
	if gate != "" {
		w.op("Mul", []string{y, gate}, []string{out + "/gated"})
		y = out + "/gated"
	}
	w.op("Add", []string{x, y}, []string{out})
}

func (w *writer) norm(n onnx.Node, x, scale, shift, out string) {
	plus := "out.zero"
	if real(n, "one") == 1 {
		plus = "out.one"
	}
	w.op("Add", []string{scale, plus}, []string{out + "/scale"})
	w.op("LayerNormalization", []string{x, out + "/scale", shift}, []string{out}, onnx.Int("axis", -1), onnx.Float("epsilon", real(n, "epsilon")))
}

func inputs() engine.Values {
	r := rand.New(rand.NewPCG(3, 4))
	draw := func(shape ...int64) engine.Tensor {
		t := engine.Zeros(shape...)
		for i := range t.Float32() {
			t.Float32()[i] = float32(r.NormFloat64())
		}
		return t
	}
	const batch, tokens = 2, 5
	return engine.Values{"x": draw(batch, tokens, 16), "modulation": draw(batch, 6, dim),
		"cos": draw(batch, tokens, dim/heads/2), "sin": draw(batch, tokens, dim/heads/2)}
}

// store writes m and its weights to a folder of the test's.
func store(t *testing.T, m *onnx.Model) (path string) {
	t.Helper()
	dir := t.TempDir()
	d, err := onnx.ResumeData(filepath.Join(dir, "weights.bin"), filepath.Join(t.TempDir(), "journal"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.Graph.Initializers {
		if w := &m.Graph.Initializers[i]; w.Content != nil {
			if err := d.Add(w); err != nil {
				t.Fatal(err)
			}
		}
	}
	raw, err := m.Encode()
	path = filepath.Join(dir, "graph.onnx")
	if err := errors.Join(err, d.Close(), os.WriteFile(path, raw, 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

func run(t *testing.T, m *onnx.Model, in engine.Values) []float32 {
	t.Helper()
	e, err := ort.Load()
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Open(context.Background(), store(t, m), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := s.Run(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out.Float32("y")
}
