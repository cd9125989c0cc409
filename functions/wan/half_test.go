package wan

import (
	"math"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
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

// TestCodesOfAGPU multiplies FP8 weights by float32 and, as a GPU does, by activations that are codes with a scale for every row, FP16
// around them: what that adds is the error of FP8's four bits, an eighth at the most of a value, and mostly cancels.
func TestCodesOfAGPU(t *testing.T) {
	g := golden.Open(t, "wan22_transformer_t2v")
	var c TransformerConfig
	g.Config(&c)
	c = c.WithDefaults()
	policy := nn.Policy{Linear: func(l nn.Linear) nn.Format {
		if strings.HasPrefix(l.Name, "blocks.") {
			return nn.Quantized{Format: quant.FP8, Options: quant.Options{PerChannel: true}}
		}
		return nn.Plain{}
	}}
	as := func(form string) []float32 {
		t.Setenv(compiletest.FormEnv, form)
		net, err := Transformer(c, nn.Options{Weights: g.Weights("w."), Policy: policy})
		return runTransformer(t, g, c, compiletest.Open(t, net, err), "in.timestep")
	}
	exact, coded := as("fused"), as("half")
	var diff, norm float64
	for i, v := range exact {
		diff, norm = diff+math.Pow(float64(coded[i]-v), 2), norm+math.Pow(float64(v), 2)
	}
	off := math.Sqrt(diff / norm)
	t.Logf("off by %.4f", off)
	if !(off > 2e-3 && off < 0.1) {
		t.Errorf("codes are off by %g", off)
	}
}
