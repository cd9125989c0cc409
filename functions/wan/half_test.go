package wan

import (
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
)

// TestHalfPrecision walks the golden pipelines through the graphs that a GPU gets by default, every value rounded as it is there: guidance
// multiplies what FP16 rounds and stays within what a GPU is held to. BF16's error is eight times as large, and beyond it.
func TestHalfPrecision(t *testing.T) {
	t.Setenv(compiletest.FormEnv, "half")
	t.Setenv("VIDEOSDGX_TEST_TOLERANCE", "2e-2")
	for _, name := range []string{"wan_pipeline", "wan22_pipeline_a14b", "wan22_pipeline_ti2v", "wan22_pipeline_ti2v_image"} {
		t.Run(name, func(t *testing.T) { pipelineGolden(t, name, 2e-2) })
	}
}
