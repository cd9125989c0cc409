package ltx2

import (
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

func TestGoldenAudioVAE(t *testing.T) {
	g := golden.Open(t, "ltx2_audio_vae")
	var c AudioVAEConfig
	g.Config(&c)
	for _, k := range []struct {
		build             func(AudioVAEConfig, nn.Options) (*nn.Net, error)
		in, from, out, to string
	}{{AudioDecoder, audioLatents, "in.latents", audioMel, "out.decoded"}, {AudioEncoder, audioMel, "in.mel", audioLatents, "out.mean"}} {
		net, err := k.build(c, nn.Options{Weights: g.Weights("w.")})
		s := compiletest.Open(t, net, err)
		v, shape := g.Tensor(k.from)
		want, _ := g.Tensor(k.to)
		golden.Near(t, k.to, compiletest.Run(t, s, engine.Values{k.in: engine.Floats(v, shape...)}).Float32(k.out), want, 1e-4)
	}
}

func TestAudioVAEsThatDoNotFitAreRefused(t *testing.T) {
	ok := AudioVAEConfig{Norm: "pixel", Causality: "height"}.WithDefaults()
	if err := ok.Validate(); err != nil || ok.Factor() != 4 {
		t.Fatal(err)
	}
	group, attentive, none := ok, ok, ok
	group.Norm, attentive.MidAttn, none.Mult = "group", true, []int64{}
	if err := group.Validate(); !errdefs.IsNotImplemented(err) {
		t.Error(err)
	}
	if err := attentive.Validate(); !errdefs.IsNotImplemented(err) {
		t.Error(err)
	}
	if err := none.Validate(); !errdefs.IsInvalidArgument(err) {
		t.Error(err)
	}
}
