package ltx2

import (
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
)

// TestHalfPrecision walks golden pipelines through the graphs that a GPU gets by default, every value rounded as it is there: within what
// a GPU is held to, where BF16 is beyond it. A still picture's pipeline multiplies what a rounding makes most.
func TestHalfPrecision(t *testing.T) {
	t.Setenv(compiletest.FormEnv, "half")
	t.Setenv("VIDEOSDGX_TEST_TOLERANCE", "2e-2")
	t.Run("text", TestGoldenPipeline)
	t.Run("image", TestGoldenPipelineImage)
	t.Run("distilled", TestGoldenPipelineDistilled)
	t.Run("two stages", TestGoldenPipelineTwoStage)
	t.Run("registers", TestGoldenConnectorsRegisters23)
	t.Run("tokens", TestGoldenTransformerTokens23)
}
