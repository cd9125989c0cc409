package ltx2

import (
	"maps"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

func TestGoldenConnectors(t *testing.T) { connectorsGolden(t, "ltx2_connectors") }
func TestGoldenConnectorsRegisters(t *testing.T) {
	connectorsGolden(t, "ltx2_connectors_registers")
}
func TestGoldenConnectorsRegisters23(t *testing.T) {
	connectorsGolden(t, "ltx2_connectors_registers_23")
}

func connectorsGolden(t *testing.T, name string) {
	g := golden.Open(t, name)
	var c struct {
		ConnectorsConfig
		Cases map[string]struct{} `json:"cases"`
	}
	g.Config(&c)
	c.ConnectorsConfig = c.WithDefaults()
	net, err := Connectors(c.ConnectorsConfig, nn.Options{Weights: g.Weights("w.")})
	s := compiletest.Open(t, net, err)
	if c.Cases == nil { // the first batch has one case without a name
		c.Cases = map[string]struct{}{"": {}}
	}
	for which := range c.Cases {
		prefix, video, audio := which+".", "video", "audio"
		if which == "" {
			prefix, video, audio = "", "0", "1"
		}
		t.Run(which, func(t *testing.T) {
			states, shape := g.Tensor("in." + prefix + "text_hidden_states")
			in := engine.Values{conStates: engine.Floats(states, shape...)}
			maps.Copy(in, c.connectorInputs(counted(t, g, "in."+prefix+"attention_mask"), shape[0], shape[1]))
			out := compiletest.Run(t, s, in)
			want, _ := g.Tensor("out." + prefix + video)
			golden.Near(t, "video", out.Float32(conVideo), want, 1e-4)
			want, _ = g.Tensor("out." + prefix + audio)
			golden.Near(t, "sound", out.Float32(conAudio), want, 1e-4)
		})
	}
}

// counted reads a mask of whole numbers or of floats.
func counted(t *testing.T, g *golden.Case, name string) []float32 {
	t.Helper()
	if info, err := g.Info(name); err == nil && info.DType == "I64" {
		ints, _ := g.Ints(name)
		v := make([]float32, len(ints))
		for i, n := range ints {
			v[i] = float32(n)
		}
		return v
	}
	v, _ := g.Tensor(name)
	return v
}
