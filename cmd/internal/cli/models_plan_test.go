package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// plannableDemo is the demo as a bundle with graphs for TensorRT.
func plannableDemo(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "demo")
	if out, _, err := runCLI(t, t.Context(), "models", "build", "../../../images/demo/wan21-tiny", "-o", dir, "--engines", "tensorrt", "--quant", "bf16"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

func TestPlanSaysWhatIsMissing(t *testing.T) {
	dir := plannableDemo(t)
	nothing := t.TempDir()
	t.Setenv(tensorrt.LibraryEnv, nothing)
	for say, args := range map[string][]string{
		"a compute capability such as sm_1": {dir, "--target", "spark"},
		"a time such as 1h would do":        {dir, "--time", "-1s"},
		"--memory":                          {dir, "--memory", "much"},
		"--workspace":                       {dir, "--workspace", "much"},
		"WIDTHxHEIGHTxFRAMES such as 832":   {dir, "--size", "832x480"},
		"[height size]":                     {dir, "--size", "832x480x81", "--height", "480"},
		"is " + nothing + ", a folder":      {dir, "--target", "sm_121"},
		"videosdgx models ls":               {"nowhere"},
		"num_frames is 3; this model makes a multiple of 4 plus one: 1 or 5 would do": {dir, "--target", "sm_121", "--frames", "3"},
		"width is 30; it must be a multiple of 16: 16 or 32 would do":                 {dir, "--target", "sm_121", "--width", "30"},
		"clips of 32×17 and 9 frames: height is 17":                                   {dir, "--target", "sm_121", "--size", "32x32x9", "--size", "32x17x9"},
		"frames: a side is 4096; at most":                                             {dir, "--target", "sm_121", "--width", "4096"},
	} {
		if out, _, err := runCLI(t, t.Context(), append([]string{"models", "plan"}, args...)...); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%v: %v, %s", args, err, out)
		}
		if _, err := os.Stat(filepath.Join(dir, "plans")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v leaves a folder of plans: %v", args, err)
		}
	}
	plain := filepath.Join(t.TempDir(), "plain")
	if out, _, err := runCLI(t, t.Context(), "models", "build", "../../../images/demo/wan21-tiny", "-o", plain, "--engines", "cuda", "--quant", "bf16"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, _, err := runCLI(t, t.Context(), "models", "plan", plain, "--target", "sm_121"); err == nil || !strings.Contains(err.Error(), "models build CHECKPOINT -o "+plain+" --quant bf16 --engines cpu,cuda,tensorrt`") {
		t.Error(err)
	}
}

// TestPlansAreBuiltAheadForTheSpark has TensorRT-RTX build every graph's plan, once.
func TestPlansAreBuiltAheadForTheSpark(t *testing.T) {
	if os.Getenv("VIDEOSDGX_TEST_TENSORRT") == "" || os.Getenv("VIDEOSDGX_TEST_BIN") == "" {
		t.Skip("VIDEOSDGX_TEST_TENSORRT is not set: `make setup-tensorrt` brings TensorRT-RTX, `make test` sets it")
	}
	lib := filepath.Join(os.Getenv("VIDEOSDGX_TEST_BIN"), "lib")
	t.Setenv(tensorrt.ShimsEnv, lib)
	t.Setenv(tensorrt.PlannerEnv, filepath.Join(lib, "videosdgx-planner"))
	dir := plannableDemo(t)
	plans := func() (all []serve.BuiltPlan) {
		out, _, err := runCLI(t, t.Context(), "models", "plan", dir, "--target", "sm_121", "--size", "32x32x9", "--json")
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		var got struct{ Plans []serve.BuiltPlan }
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return got.Plans
	}
	first := plans()
	if len(first) < 4 {
		t.Fatalf("%+v", first)
	}
	for _, p := range first {
		if p.Found || p.Target != "sm_121" || p.Bytes < 1<<20 || !strings.HasPrefix(p.Path, filepath.Join(dir, "plans")) {
			t.Errorf("%+v", p)
		}
		f, err := tensorrt.Known(p.Path)
		if err != nil || f.Recipe.Workspace != 8<<30 || len(f.Recipe.Profiles) != 1 {
			t.Errorf("%s: %+v, %v", p.Graph, f.Recipe, err)
		}
	}
	if err := os.Truncate(first[1].Path, 1000); err != nil {
		t.Fatal(err)
	}
	for i, p := range plans() {
		if p.Found == (i == 1) || p.Path != first[i].Path {
			t.Errorf("again: %+v", p)
		}
	}
}

func TestATargetMayBeWrittenAsItsCapability(t *testing.T) {
	for text, want := range map[string]int{"sm_121": 121, "sm121": 121, "121": 121, "12.1": 121, "8.9": 89, "sm_75": 75} {
		f := planFlags{target: text, o: serve.PlanOptions{Time: 1}}
		if err := f.parse(); err != nil || f.o.Capability != want {
			t.Errorf("%s: %d, %v", text, f.o.Capability, err)
		}
	}
	for _, text := range []string{"gb10", "1", "12.", "12.10", "sm_121a", "-121"} {
		f := planFlags{target: text, o: serve.PlanOptions{Time: 1}}
		if err := f.parse(); err == nil {
			t.Errorf("%s: %d", text, f.o.Capability)
		}
	}
}

func TestABuildThatTookTooLongIsToldWithItsFlag(t *testing.T) {
	err := slow(fmt.Errorf("plan of transformer: it took longer than 1s: %w", context.DeadlineExceeded))
	if got := err.Error(); got != "plan of transformer: it took longer than 1s; --time allows more, and plans that are finished stay" {
		t.Error(got)
	}
	if other := errors.New("the disk is full"); slow(other) != other {
		t.Error(slow(other))
	}
}

func TestPlansSayWhatTheyMultiplyIn(t *testing.T) {
	plans := func(in8 bool) []serve.BuiltPlan {
		return []serve.BuiltPlan{{Graph: "text_encoder", Int8: in8}, {Graph: "transformer", Int8: in8}, {Graph: "vae_decoder_first"}}
	}
	for _, c := range []struct{ precision, says, saysIn8 string }{
		{"int8", "hold INT8 weights in half precision", "The plans of text_encoder, transformer multiply in INT8."},
		{"nf4", "no type for NF4", "no type for NF4"},
		{"bf16", "", ""},
	} {
		if got, in8 := decoded(c.precision, plans(false)), decoded(c.precision, plans(true)); !strings.Contains(got, c.says) || c.precision != "bf16" && !strings.Contains(in8, c.saysIn8) || c.says == "" && got != "" {
			t.Errorf("%s: %q, %q", c.precision, got, in8)
		}
	}
}
