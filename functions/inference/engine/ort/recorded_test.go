package ort

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/enginetest"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// A recording reads and writes where the first run of its shapes did, and what earlier runs have given stays what it was.
func TestARecordingKeepsItsMemoryAndNobodyElses(t *testing.T) {
	e := loaded(t)
	path := enginetest.Write(t, func(b *onnx.Builder) {
		x := b.Input("x", onnx.Float32, "n")
		b.Output("y", b.Add(x, x), onnx.Float32, "n")
		b.Output("z", b.Mul(x, x), onnx.Float32, "n")
	})
	opened, err := e.Open(context.Background(), path, engine.Options{Record: 2})
	if err != nil {
		t.Fatal(err)
	}
	s := opened.(*session)
	run := func(v ...float32) (y engine.Value, z []float32) {
		t.Helper()
		out, err := s.Run(context.Background(), engine.Values{"x": engine.Floats(v, int64(len(v)))}, "y")
		if err != nil {
			t.Fatal(err)
		}
		return out["y"], out.Float32("z")
	}
	is := func(v engine.Value, want ...float32) {
		t.Helper()
		if h, err := v.Host(); err != nil || !slices.Equal(h.Float32(), want) {
			t.Errorf("%v, %v; expected %v", h.Data, err, want)
		}
	}
	y1, z1 := run(1, 2)
	var at *recording
	for _, r := range s.recorded.of {
		at = r
	}
	in, out := at.in["x"], at.out["y"]
	y2, z2 := run(3, 4)
	if len(s.recorded.of) != 1 || at.in["x"] != in || at.out["y"] != out {
		t.Error("the same shapes were recorded again")
	}
	is(y1, 2, 4)
	is(y2, 6, 8)
	if !slices.Equal(z1, []float32{1, 4}) || !slices.Equal(z2, []float32{9, 16}) {
		t.Errorf("%v, %v", z1, z2)
	}
	run(1, 2, 3)
	y3, _ := run(1, 2, 3, 4) // the third shape is run, not recorded
	is(y3, 2, 4, 6, 8)
	if len(s.recorded.of) != 2 {
		t.Errorf("%d recordings", len(s.recorded.of))
	}
	if err := s.Close(); err != nil || in.v != nil || out.v != nil || len(s.recorded.of) != 0 {
		t.Errorf("the recordings' memory was not freed: %v", err)
	}
	is(y1, 2, 4)
}

func TestARunThatFailsIsNotRecorded(t *testing.T) {
	e := loaded(t)
	opened, err := e.Open(context.Background(), enginetest.Write(t, func(b *onnx.Builder) {
		b.Output("y", b.Add(b.Input("x", onnx.Float32, "n"), b.Input("w", onnx.Float32, "m")), onnx.Float32, "k")
	}), engine.Options{Record: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	bad := engine.Values{"x": engine.Zeros(2), "w": engine.Zeros(3)}
	if _, err := opened.Run(context.Background(), bad); err == nil {
		t.Fatal("2 + 3 values")
	}
	if n := len(opened.(*session).recorded.of); n != 0 {
		t.Errorf("%d recordings of a run that failed", n)
	}
	good := engine.Values{"x": engine.Floats([]float32{1, 2}, 2), "w": engine.Floats([]float32{3, 4}, 2)}
	if out, err := opened.Run(context.Background(), good); err != nil || !slices.Equal(out.Float32("y"), []float32{4, 6}) {
		t.Errorf("%v, %v", out.Float32("y"), err)
	}
}

func TestWhatWritesOverItsStatesIsNotRecorded(t *testing.T) {
	s := &session{path: "decoder", over: map[string]string{"a.next": "a"}}
	if err := s.recordable(); !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), "decoder") {
		t.Errorf("%v", err)
	}
	for record, want := range map[int]bool{0: false, 2: true} {
		if got := slices.Contains(cudaOptions(engine.Options{Record: record}), "enable_cuda_graph"); got != want {
			t.Errorf("Record %d: the provider is told: %v", record, got)
		}
	}
}
