package magi1

import (
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
)

// TestHalfPrecision walks the golden clips through the graphs that a GPU gets by default, every value rounded as it is there: within what a
// GPU is held to, where BF16 is beyond it.
func TestHalfPrecision(t *testing.T) {
	t.Setenv(compiletest.FormEnv, "half")
	t.Setenv("VIDEOSDGX_TEST_TOLERANCE", "2e-2")
	t.Run("pipeline", TestGoldenPipeline)
	t.Run("FP8", TestGoldenQuantized)
}
