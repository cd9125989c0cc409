package tensorrt_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/faketrt"
)

// timed is a plan and its checksum.
func timed(tb testing.TB) (path, plan string) {
	tb.Helper()
	planner, _ := faketrt.Planner(tb, "", "one")
	p := tensorrt.Plans{Dir: tb.TempDir(), Library: "TensorRT-RTX 1.6.9", Digest: "d", Builder: &tensorrt.Builder{Planner: planner}}
	path, err := p.Plan(context.Background(), "x.onnx", spark)
	if err != nil {
		tb.Fatal(err)
	}
	f, err := tensorrt.Known(path)
	if err != nil {
		tb.Fatal(err)
	}
	return path, f.Sum
}

// FuzzKeptSpeed: what is kept of a plan's speed is found again, whatever the other engine and the clip are called.
func FuzzKeptSpeed(f *testing.F) {
	path, plan := timed(f)
	f.Add("ORT 1", "832×480", 1.0, 2.0, 3.0)
	f.Add("ORT \xff<&>\u2028", "\xfe", 0.0, 0.0, 0.0)
	f.Add("", "", math.Inf(1), math.NaN(), -1.0)
	f.Fuzz(func(t *testing.T, against, clip string, runs, seconds, other float64) {
		s := tensorrt.Speed{Plan: plan, Against: against, Clip: clip, Runs: runs, Seconds: seconds, Other: other}
		if err := tensorrt.KeepSpeed(path, s); err != nil {
			for _, v := range []float64{runs, seconds, other} {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return
				}
			}
			t.Fatal(err)
		}
		got, err := tensorrt.KnownSpeed(path, against)
		sound := runs >= 0 && seconds >= 0 && other >= 0 && (runs > 0) == (seconds > 0) && (runs > 0) == (other > 0)
		if !sound && errdefs.IsDataLoss(err) {
			return
		}
		if err != nil || !sound || got.Runs != runs || got.Seconds != seconds || got.Other != other || got.Plan != plan {
			t.Errorf("%+v is read as %+v, %v", s, got, err)
		}
	})
}

// FuzzSpeed: whatever lies where a plan's speed is looked for, it is what was written, or it is told.
func FuzzSpeed(f *testing.F) {
	path, plan := timed(f)
	if err := tensorrt.KeepSpeed(path, tensorrt.Speed{Plan: plan, Against: "ORT 1", Clip: "small", Runs: 2, Seconds: 3, Other: 4}); err != nil {
		f.Fatal(err)
	}
	at, err := filepath.Glob(path + ".*.speed")
	if err != nil || len(at) != 1 {
		f.Fatal(at, err)
	}
	whole, err := os.ReadFile(at[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"plan":"x","runs":-1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if err := os.WriteFile(at[0], raw, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := tensorrt.KnownSpeed(path, "ORT 1")
		if err != nil {
			if !errdefs.IsDataLoss(err) && !errdefs.IsNotFound(err) || got != (tensorrt.Speed{}) && errdefs.IsDataLoss(err) {
				t.Errorf("%+v, %v", got, err)
			}
			return
		}
		if got.Plan != plan || got.Against != "ORT 1" || !(got.Runs >= 0 && got.Seconds >= 0 && got.Other >= 0) || got.Sum == "" {
			t.Errorf("%q is taken for %+v", raw, got)
		}
	})
}
