// Package compiletest compiles a graph as a bundle would have it and opens it, for tests of graphs.
package compiletest

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Modeler is a finished graph.
type Modeler interface {
	Model() (*onnx.Model, error)
}

// Open compiles and opens the graph that build returned; the session is closed with the test.
func Open[G Modeler](t testing.TB, g G, err error) engine.Session {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	m, err := g.Model()
	if err != nil {
		t.Fatal(err)
	}
	e, err := ort.Load()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	w, err := compile.Create(dir, e)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add(context.Background(), "graph.onnx", m); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := e.Open(context.Background(), filepath.Join(dir, "graph.onnx"), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// Run runs s and fails the test on an error.
func Run(t testing.TB, s engine.Session, inputs engine.Values) engine.Values {
	t.Helper()
	out, err := s.Run(context.Background(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
