package ort

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"syscall"
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

// adder is a graph that cannot add two lengths that differ, and is recorded.
func adder(t *testing.T) engine.Session {
	t.Helper()
	opened, err := loaded(t).Open(context.Background(), enginetest.Write(t, func(b *onnx.Builder) {
		b.Output("y", b.Add(b.Input("x", onnx.Float32, "n"), b.Input("w", onnx.Float32, "m")), onnx.Float32, "k")
	}), engine.Options{Record: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	return opened
}

func TestARunThatFailsIsNotRecorded(t *testing.T) {
	opened := adder(t)
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

// captureInvalid is what the CUDA provider says when an allocation has failed in the middle of a recording.
var captureInvalid = fmt.Errorf("CUDA failure 901: operation failed due to a previous error during capture: %w", errdefs.ErrInternal)

// A device on which recordings fail as told: the run goes on without one, and a number that failed is not taken again.
func TestWhatCannotBeRecordedRunsPlainly(t *testing.T) {
	e := loaded(t)
	opened, err := e.Open(context.Background(), enginetest.Write(t, func(b *onnx.Builder) {
		x := b.Input("x", onnx.Float32, "n")
		b.Output("y", b.Add(x, x), onnx.Float32, "n")
	}), engine.Options{Record: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	s := opened.(*session)
	var ids []int
	fails := map[int]error{1: captureInvalid}
	s.recorded.play = func(ctx context.Context, r *run) error {
		ids = append(ids, r.graph)
		if err := fails[r.graph]; err != nil {
			return err
		}
		return r.until(ctx)
	}
	for n := 1; n <= 3; n++ { // the first shape is refused once, run plainly twice; the second is recorded
		for _, v := range [][]float32{{1, 2}, {1, 2, 3}} {
			out, err := s.Run(context.Background(), engine.Values{"x": engine.Floats(v, int64(len(v)))})
			if err != nil || out.Float32("y")[1] != 4 {
				t.Fatalf("%v: %v, %v", v, out, err)
			}
		}
	}
	if want := []int{1, 2, 2, 2}; !slices.Equal(ids, want) {
		t.Errorf("recordings %v were played, want %v", ids, want)
	}
}

// What fails plainly too is that run's error, and the shapes are tried again, under another number.
func TestAFaultOfTheRunItselfIsTold(t *testing.T) {
	opened := adder(t)
	s := opened.(*session)
	var ids []int
	s.recorded.play = func(_ context.Context, r *run) error { ids = append(ids, r.graph); return captureInvalid }
	bad := engine.Values{"x": engine.Zeros(2), "w": engine.Zeros(3)}
	for range 2 {
		if _, err := s.Run(context.Background(), bad); err == nil || strings.Contains(err.Error(), "901") {
			t.Errorf("%v, not what the plain run says", err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.recorded.play = func(context.Context, *run) error { cancel(); return context.Canceled }
	if _, err := s.Run(ctx, engine.Values{"x": engine.Zeros(2), "w": engine.Zeros(2)}); !errors.Is(err, context.Canceled) {
		t.Errorf("a run that was ended: %v", err)
	}
	if len(s.recorded.of) != 0 || !slices.Equal(ids, []int{1, 2}) {
		t.Errorf("%d recordings are kept, %v were tried", len(s.recorded.of), ids)
	}
}

func TestRecordedRunsKeepToTheirThread(t *testing.T) {
	th := newThread()
	var seen []int
	for range 50 {
		th.do(func() { seen = append(seen, syscall.Gettid()) })
		runtime.Gosched()
	}
	th.stop()
	if at := slices.IndexFunc(seen, func(id int) bool { return id != seen[0] }); at >= 0 {
		t.Errorf("call %d was on thread %d, the first on %d", at, seen[at], seen[0])
	}
}
