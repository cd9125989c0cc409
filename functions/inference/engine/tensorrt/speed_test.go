package tensorrt_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/faketrt"
)

func checksum(t *testing.T, path string) string {
	t.Helper()
	f, err := tensorrt.Known(path)
	if err != nil || f.Sum == "" {
		t.Fatalf("%+v, %v", f, err)
	}
	return f.Sum
}

// TestTheSpeedOfAPlanIsItsOwn: it is not another plan's of the same name, not against another engine, and goes with its plan.
func TestTheSpeedOfAPlanIsItsOwn(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	build := func(line string, again bool) string {
		t.Helper()
		planner, _ := faketrt.Planner(t, "", line)
		p := tensorrt.Plans{Dir: dir, Library: "TensorRT-RTX 1.6.9", Digest: "d", Builder: &tensorrt.Builder{Planner: planner}, Again: again}
		path, err := p.Plan(ctx, "x.onnx", tensorrt.Target{Capability: 121})
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	path := build("one", false)
	plan := checksum(t, path)
	s := tensorrt.Speed{Plan: plan, Against: "ORT 1", Clip: "small", Runs: 2, Seconds: 3, Other: 4}
	if _, err := tensorrt.KnownSpeed(path, "ORT 1"); !errdefs.IsNotFound(err) {
		t.Error(err)
	}
	for _, one := range []tensorrt.Speed{s, {Plan: plan, Against: "ORT 2", Clip: "small"}} {
		if err := tensorrt.KeepSpeed(path, one); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := tensorrt.KnownSpeed(path, "ORT 1"); err != nil || got.Seconds != 3 || got.Other != 4 || got.Runs != 2 || got.Clip != "small" {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := tensorrt.KnownSpeed(path, "ORT 2"); err != nil || got.Seconds != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := tensorrt.KnownSpeed(path, "ORT 3"); !errdefs.IsNotFound(err) {
		t.Error(err)
	}
	speeds, err := filepath.Glob(path + ".*.speed")
	if err != nil || len(speeds) != 2 {
		t.Fatal(speeds, err)
	}
	kept := map[string][]byte{}
	for _, at := range speeds {
		if kept[at], err = os.ReadFile(at); err != nil {
			t.Fatal(err)
		}
	}
	if build("another", true) != path {
		t.Fatal("the plan is called otherwise")
	}
	if left, _ := filepath.Glob(path + ".*.speed"); len(left) > 0 {
		t.Errorf("%v are of the plan that is gone", left)
	}
	for at, raw := range kept { // put back, as by a copy of an older folder
		if err := os.WriteFile(at, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := tensorrt.KnownSpeed(path, "ORT 1"); !errdefs.IsNotFound(err) {
		t.Errorf("%+v, %v", got, err)
	}
	if err := tensorrt.KeepSpeed(path, s); !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), plan) {
		t.Errorf("the speed of a plan that another has taken the place of: %v", err)
	}
	if err := tensorrt.Accept(path, plan, "it agrees", true); !errdefs.IsFailedPrecondition(err) {
		t.Errorf("the verdict on a plan that another has taken the place of: %v", err)
	}
	if f, err := tensorrt.Known(path); err != nil || f.Accepted {
		t.Errorf("%+v, %v", f, err)
	}
	plan = checksum(t, path)
	if err := tensorrt.KeepSpeed(path, tensorrt.Speed{Plan: plan, Against: "ORT 1", Runs: 1, Seconds: math.NaN()}); err == nil {
		t.Error("what is no number was kept")
	}
	if err := tensorrt.KeepSpeed(path, tensorrt.Speed{Plan: plan, Against: "ORT 1", Runs: 1, Other: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := tensorrt.KnownSpeed(path, "ORT 1"); !errdefs.IsDataLoss(err) {
		t.Errorf("a run of no time: %v", err)
	}
}
