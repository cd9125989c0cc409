package fuse_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/written"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// writeOut puts standard operators in the place of each of ours.
func writeOut(t *testing.T, m *onnx.Model) {
	t.Helper()
	if err := written.Out(m); err != nil {
		t.Fatal(err)
	}
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
