package ort

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/enginetest"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Short runs whose inputs come from the host, each with other content, and whose states stay and feed another session: on a GPU that
// other processes use too (start several of this test), a run that does not wait for what it is fed computes with what lay there.
func TestRunsInCompany(t *testing.T) {
	d, err := engine.ParseDevice(os.Getenv("VIDEOSDGX_TEST_DEVICE"))
	if err != nil {
		t.Fatal(err)
	}
	times := 1
	if !d.Host() {
		times = 4
	}
	for _, c := range []struct{ n, runs int }{{1 << 10, 200}, {1 << 14, 100}, {1 << 18, 20}, {1 << 20, 10}, {1 << 12, 200}} {
		t.Run(fmt.Sprint(c.n), func(t *testing.T) {
			for range times {
				company(t, engine.Options{Device: d}, c.n, c.runs)
			}
		})
	}
}

// company opens two sessions, and has two callers run them in turn at once.
func company(t *testing.T, o engine.Options, n, runs int) {
	var pair [2]engine.Session
	for i := range pair {
		s, err := loaded(t).Open(context.Background(), enginetest.Write(t, mixed), o)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		pair[i] = s
	}
	var done sync.WaitGroup
	for caller := range 2 {
		done.Go(func() {
			if err := alternate(pair, n, runs, 13*caller); err != nil {
				t.Errorf("caller %d: %v", caller, err)
			}
		})
	}
	done.Wait()
}

// mixed is y = x + 2·state and state.next = x + state.
func mixed(b *onnx.Builder) {
	x, state := b.Input("x", onnx.Float32, "n"), b.Input("state", onnx.Float32, "n")
	sum := b.Add(x, state)
	b.Output("y", b.Add(sum, state), onnx.Float32, "n")
	b.Output("state.next", sum, onnx.Float32, "n")
}

// alternate runs the pair in turn and compares with whole numbers that float32 holds exactly.
func alternate(pair [2]engine.Session, n, runs, seed int) error {
	var state engine.Value = engine.Zeros(int64(n))
	defer func() { _ = state.Close() }()
	x, was, y := make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range runs {
		for k := range x {
			x[k] = float32((k + 31*i + seed) % 997)
			y[k] = x[k] + 2*was[k]
			was[k] += x[k]
		}
		out, err := pair[i%2].Run(context.Background(), engine.Values{"x": engine.Floats(x, int64(n)), "state": engine.Spent{Value: state}}, "state.next")
		if err != nil {
			return err
		}
		state = out["state.next"]
		if err := same(out.Float32("y"), y); err != nil {
			return fmt.Errorf("run %d of %d: y: %w", i, runs, err)
		}
	}
	kept, err := state.Host()
	if err != nil {
		return err
	}
	if err := same(kept.Float32(), was); err != nil {
		return fmt.Errorf("the state after %d runs: %w", runs, err)
	}
	return nil
}

func same(got, want []float32) error {
	if slices.Equal(got, want) {
		return nil
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Errorf("%v at %d of %d, not %v", got[i], i, len(want), want[i])
		}
	}
	return fmt.Errorf("%d values, not %d", len(got), len(want))
}
