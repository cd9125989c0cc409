package serve

import (
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/faketrt"
)

// TestAGPUWithoutThePlansTypeIsToldOf before anything is rehearsed or built, in words that are not TensorRT's compiler's.
func TestAGPUWithoutThePlansTypeIsToldOf(t *testing.T) {
	p, log := painterOn(t)
	planner, runs := faketrt.Planner(t, "", painterPlan...)
	t.Setenv(tensorrt.PlannerEnv, planner)
	p.on.Capability = 75
	_, name, why := ran(t, p, auto)
	if !strings.HasPrefix(name, "ONNX Runtime") || !strings.Contains(why, "plans of this bundle compute in BF16, which GPUs have from compute capability 8.0 on, and ") ||
		!strings.Contains(why, "sm_75 is older: ONNX Runtime serves it there") || runs() != 0 {
		t.Errorf("%s (%s), built %d times\n%s", name, why, runs(), log)
	}
	if err := takes(p.lib, tensorrt.Target{Capability: 80}, p.graphs()); err != nil {
		t.Error(err)
	}
	eight := tensorrt.Library{Install: tensorrt.Install{Family: tensorrt.Enterprise}, Version: [3]int{8, 6, 0}}

	if err := takes(&eight, tensorrt.Target{Capability: 75}, p.graphs()); err != nil {
		t.Errorf("TensorRT 8 is given float32: %v", err)
	}
	if err := takes(p.lib, tensorrt.Target{Capability: 75}, []string{"/nowhere.onnx"}); err == nil || errdefs.IsFailedPrecondition(err) {
		t.Errorf("a graph that is not there: %v", err)
	}
}
