// Package enginetest is the conformance suite of package engine: what every driver has to do, on any device. A driver's test
// calls Run with its engine; on a machine without the device it fails rather than skip.
package enginetest

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// rig is an engine under test on one device.
type rig struct {
	engine.Engine
	o engine.Options
}

// Run runs the suite with sessions opened with o.
func Run(t *testing.T, e engine.Engine, o engine.Options) {
	r := rig{e, o}
	for _, c := range []struct {
		name string
		test func(*testing.T, rig)
	}{
		{"every element type passes unchanged", types},
		{"scalars and empty tensors pass", edges},
		{"an output stays and feeds the next run", resident},
		{"a placed value feeds many runs", placed},
		{"a resident value outlives its session", outlives},
		{"a closed value is refused", closedValue},
		{"a spent value is closed, whatever comes of the run", spent},
		{"inputs are checked by name", inputs},
		{"inputs and outputs are described", described},
		{"a context ends a run with its cause", cancelled},
		{"runs and a close may overlap", overlap},
		{"faults have a class", faults},
		{"memory that is out fails the run, with the figure, and not the session", exhausted},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, r) })
	}
}

// open stores the graph that build makes, weights as external data, and opens it.
func (r rig) open(t *testing.T, build func(b *onnx.Builder)) engine.Session {
	t.Helper()
	s, err := r.Open(context.Background(), Write(t, build), r.o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Write stores the graph that build makes as a model file with its weights as external data, and returns its path.
func Write(t *testing.T, build func(b *onnx.Builder)) string {
	t.Helper()
	b := onnx.NewBuilder("graph")
	build(b)
	m, err := b.Model()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	data, err := onnx.ResumeData(filepath.Join(dir, "weights.bin"), filepath.Join(t.TempDir(), "journal"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.Graph.Initializers {
		if x := &m.Graph.Initializers[i]; x.Content != nil {
			if err := data.Add(x); err != nil {
				t.Fatal(err)
			}
		}
	}
	raw, err := m.Encode()
	path := filepath.Join(dir, "graph.onnx")
	if err := errors.Join(err, data.Close(), os.WriteFile(path, raw, 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

// sum is y = x + carry, also as carry.next.
func sum(b *onnx.Builder) {
	y := b.Add(b.Input("x", onnx.Float32, "n"), b.Input("carry", onnx.Float32, "n"))
	b.Output("y", y, onnx.Float32, "n")
	b.Output("carry.next", y, onnx.Float32, "n")
}

// work multiplies by a square matrix of zeros many times.
func work(n, times int64) func(b *onnx.Builder) {
	return func(b *onnx.Builder) {
		x := b.Input("x", onnx.Float32, "rows", n)
		for range times {
			x = b.MatMul(x, b.Weight("w", onnx.Float32, []int64{n, n}, func(w io.Writer) error { _, err := w.Write(make([]byte, 4*n*n)); return err }))
		}
		b.Output("y", x, onnx.Float32, "rows", n)
	}
}

func floats(t *testing.T, v engine.Value) []float32 {
	t.Helper()
	h, err := v.Host()
	if err != nil {
		t.Fatal(err)
	}
	return h.Float32()
}

func refused(t *testing.T, what string, err error, is func(error) bool, say string) {
	t.Helper()
	if err == nil || !is(err) || !strings.Contains(err.Error(), say) {
		t.Errorf("%s: want an error of its class with %q, got %v", what, say, err)
	}
}

func cancelled(t *testing.T, r rig) {
	s, cause := r.open(t, work(1024, 20000)), errors.New("the client went away")
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(50*time.Millisecond, func() { cancel(cause) })
	if _, err := s.Run(ctx, engine.Values{"x": engine.Zeros(1024, 1024)}); !errors.Is(err, cause) { // 40 TFLOP if it is not ended
		t.Errorf("got %v, want the cause", err)
	}
	if _, err := s.Run(ctx, engine.Values{"x": engine.Zeros(1, 1024)}); !errors.Is(err, cause) {
		t.Errorf("a run that begins too late: %v", err)
	}
}

func overlap(t *testing.T, r rig) {
	s := r.open(t, work(64, 50))
	done := make(chan error, 4)
	for range cap(done) {
		go func() {
			for {
				if _, err := s.Run(context.Background(), engine.Values{"x": engine.Zeros(4, 64)}); err != nil {
					done <- err
					return
				}
			}
		}()
	}
	if _, err := s.Run(context.Background(), engine.Values{"x": engine.Zeros(4, 64)}); err != nil {
		t.Error(err)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	for range cap(done) {
		refused(t, "a run after Close", <-done, errdefs.IsFailedPrecondition, "closed")
	}
}

func faults(t *testing.T, r rig) {
	ctx := context.Background()
	path := Write(t, work(64, 1))
	_, err := r.Open(ctx, path+"x", r.o)
	refused(t, "a missing model", err, errdefs.IsNotFound, "models build")
	if err := os.Truncate(filepath.Join(filepath.Dir(path), "weights.bin"), 4096); err != nil {
		t.Fatal(err)
	}
	_, err = r.Open(ctx, path, r.o)
	refused(t, "truncated weights", err, errdefs.IsInvalidArgument, "weights.bin is truncated: 4096 bytes, at least 16384 expected")
	if err := os.WriteFile(path, []byte("no model"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = r.Open(ctx, path, r.o)
	refused(t, "no model", err, errdefs.IsInvalidArgument, "models build")
	o := r.o
	o.Operators = []string{"nowhere.so"}
	_, err = r.Open(ctx, Write(t, sum), o)
	refused(t, "a missing operator library", err, errdefs.IsNotFound, "nowhere.so")
}

// exhausted gives a session less memory than a run takes. On the CPU sessions have no limit of their own.
func exhausted(t *testing.T, r rig) {
	if r.o.Device.Host() {
		return
	}
	r.o.Memory = 64 << 20
	s, ctx := r.open(t, work(1024, 2)), context.Background()
	_, err := s.Run(ctx, engine.Values{"x": engine.Zeros(64<<10, 1024)}) // 256 MiB
	refused(t, "a run of 256 MiB in 64", err, errdefs.IsResourceExhausted, "MiB asked for")
	if out, err := s.Run(ctx, engine.Values{"x": engine.Zeros(4, 1024)}); err != nil || len(out.Float32("y")) != 4096 {
		t.Errorf("the run after it: %v", err)
	}
}
