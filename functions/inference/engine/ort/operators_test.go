package ort

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/enginetest"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// twice is a graph with a node of this project's domain, which testdata/twice.c implements.
func twice(b *onnx.Builder) {
	b.Output("y", b.Node("ai.videosdgx", "Twice", []onnx.Value{b.Input("x", onnx.Float32, "n")}, 1)[0], onnx.Float32, "n")
}

func TestOperatorLibraries(t *testing.T) {
	e, ctx, path := loaded(t), context.Background(), enginetest.Write(t, twice)
	t.Setenv("VIDEOSDGX_KERNELS_LIB", "/nowhere/kernels.so")
	_, err := e.Open(ctx, path, engine.Options{})
	if !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), "its node Twice is a Twice") || !strings.Contains(err.Error(), "VIDEOSDGX_KERNELS_LIB") {
		t.Errorf("without the library: %v", err)
	}
	lib := filepath.Join(t.TempDir(), "twice.so")
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-I.", "-o", lib, "testdata/twice.c").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Setenv("VIDEOSDGX_KERNELS_LIB", lib)
	for _, o := range []engine.Options{{}, {Operators: []string{lib}}} { // found, and named
		s, err := e.Open(ctx, path, o)
		if err != nil {
			t.Fatal(err)
		}
		out, err := s.Run(ctx, engine.Values{"x": engine.Floats([]float32{1, 2.5}, 2)})
		if err != nil || out.Float32("y")[1] != 5 {
			t.Errorf("got %v, %v", out["y"], err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
