package ltx2

import (
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

func TestGoldenVocoder(t *testing.T)    { vocoderGolden(t, "ltx2_vocoder", "out.wave") }
func TestGoldenVocoderBWE(t *testing.T) { vocoderGolden(t, "ltx2_vocoder_bwe", "out.waveform") }

func vocoderGolden(t *testing.T, name, out string) {
	g := golden.Open(t, name)
	var c VocoderConfig
	g.Config(&c)
	net, err := Vocoder(c, nn.Options{Weights: g.Weights("w.")})
	s := compiletest.Open(t, net, err)
	mel, shape := g.Tensor("in.mel")
	want, _ := g.Tensor(out)
	got := compiletest.Run(t, s, engine.Values{vocMel: engine.Floats(mel, shape...)}).Float32(vocWave)
	golden.Near(t, name, got, want, 1e-4)
}

func TestGoldenResampler(t *testing.T) {
	g := golden.Open(t, "ltx2_vocoder_bwe")
	var c VocoderConfig
	g.Config(&c)
	want, _ := g.Tensor("out.resampler_filter")
	got, _ := hannFilter(c.OutputRate / c.InputRate)
	golden.Near(t, "filter", got, want, 1e-6)
}

func TestVocodersThatDoNotFitAreRefused(t *testing.T) {
	ok := generator{InChannels: 4, Hidden: 8, OutChannels: 2, Kernels: []int64{4}, Factors: []int64{2}, ResKernels: []int64{3}, ResDilations: [][]int64{{1}}}
	if err := (VocoderConfig{generator: ok}).WithDefaults().Validate(); err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(c *VocoderConfig){
		func(c *VocoderConfig) { c.Kernels = nil },
		func(c *VocoderConfig) { c.Hidden = 1 },
		func(c *VocoderConfig) { c.BWEIn, c.OutputRate, c.InputRate = 128, 44100, 16000 },
	} {
		c := VocoderConfig{generator: ok}
		change(&c)
		if err := c.WithDefaults().Validate(); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	c := VocoderConfig{generator: ok}
	c.Act = "relu"
	if err := c.WithDefaults().Validate(); !errdefs.IsNotImplemented(err) {
		t.Error(err)
	}
}
