package ort

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"go.uber.org/goleak"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func loaded(t *testing.T) *Engine {
	t.Helper()
	e, err := Load()
	if err != nil {
		t.Fatal(err) // a missing library fails: a skip would not be a pass
	}
	return e
}

// write stores a model with its weights as external data and returns its path.
func write(t *testing.T, b *onnx.Builder) string {
	t.Helper()
	m, err := b.Model()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	data, err := onnx.CreateData(filepath.Join(dir, "weights.bin"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.Graph.Initializers {
		if x := &m.Graph.Initializers[i]; x.Load != nil {
			if err := data.Add(x); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := data.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "model.onnx")
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// chain multiplies x, of n columns, by the same zero weight many times.
func chain(n, times int64) *onnx.Builder {
	b := onnx.NewBuilder("chain")
	x := b.Input("x", onnx.Float32, "rows", n)
	for range times {
		x = b.MatMul(x, b.Weight("w", onnx.Float32, []int64{n, n}, func() ([]byte, error) { return make([]byte, 4*n*n), nil }))
	}
	b.Output("y", x, onnx.Float32, "rows", n)
	return b
}

func TestRunsAGraph(t *testing.T) {
	b := onnx.NewBuilder("tiny")
	x := b.Input("x", onnx.Float32, "n", 2)
	w := b.Weight("w", onnx.Float32, []int64{2}, func() ([]byte, error) { return []byte{0, 0, 0, 64, 0, 0, 64, 64}, nil }) // 2, 3
	b.Output("y", b.Add(b.Mul(x, w), b.Float(0.5)), onnx.Float32, "n", 2)
	s, err := loaded(t).Open(context.Background(), write(t, b), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := s.Run(context.Background(), map[string]engine.Tensor{"x": engine.Floats([]float32{1, 2, 3, 4}, 2, 2)})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float32{2.5, 6.5, 6.5, 12.5} {
		if got := out["y"].Float32()[i]; got != want {
			t.Errorf("y[%d] = %g, want %g", i, got, want)
		}
	}
}

func TestCancelEndsARunSoon(t *testing.T) {
	s, err := loaded(t).Open(context.Background(), write(t, chain(512, 2000)), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	cause := errors.New("the client went away")
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(50*time.Millisecond, func() { cancel(cause) })
	start := time.Now()
	_, err = s.Run(ctx, map[string]engine.Tensor{"x": engine.Zeros(2048, 512)}) // some 2 TFLOP: many seconds if it is not ended
	if !errors.Is(err, cause) {
		t.Fatalf("got %v, want the cause", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("the run went on for %s", took)
	}
}

func TestFaultsSayWhatToDo(t *testing.T) {
	e, ctx := loaded(t), context.Background()
	path := write(t, chain(64, 1))
	s, err := e.Open(ctx, path, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(ctx, nil); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "needs the input x") {
		t.Errorf("a missing input: %v", err)
	}
	if _, err := s.Run(ctx, map[string]engine.Tensor{"x": engine.Floats(nil, 2, 64)}); !errdefs.IsInvalidArgument(err) {
		t.Errorf("a tensor without content: %v", err)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if _, err := s.Run(ctx, nil); !errdefs.IsFailedPrecondition(err) {
		t.Errorf("a run after Close: %v", err)
	}
	if err := os.Truncate(filepath.Join(filepath.Dir(path), "weights.bin"), 4096); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Open(ctx, path, engine.Options{}); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "weights.bin is truncated: 4096 bytes, at least 16384 expected") {
		t.Errorf("truncated weights: %v", err)
	}
	if _, err := e.Open(ctx, path+"x", engine.Options{}); !errdefs.IsNotFound(err) {
		t.Errorf("a missing model: %v", err)
	}
}

func TestMissingLibraryNamesTheNextStep(t *testing.T) {
	t.Setenv(LibraryEnv, "/nowhere/libonnxruntime.so")
	_, err := FindLibrary()
	if !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), "make setup") {
		t.Errorf("got %v", err)
	}
}
