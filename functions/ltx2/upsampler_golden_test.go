package ltx2

import (
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

func TestGoldenUpsampler(t *testing.T)         { upsamplerGolden(t, "ltx2_upsampler") }
func TestGoldenUpsamplerGrouped(t *testing.T)  { upsamplerGolden(t, "ltx2_upsampler_grouped") }
func TestGoldenUpsamplerRational(t *testing.T) { upsamplerGolden(t, "ltx2_upsampler_rational") }

func upsamplerGolden(t *testing.T, name string) {
	g := golden.Open(t, name)
	var c struct {
		UpsamplerConfig
		Calls map[string]struct {
			AdaIN      float64 `json:"adain_factor"`
			ToneMap    float64 `json:"tone_map_compression_ratio"`
			Normalised bool    `json:"latents_normalized"`
		} `json:"calls"`
	}
	g.Config(&c)
	net, err := Upsampler(c.UpsamplerConfig, nn.Options{Weights: g.Weights("w.")})
	s := compiletest.Open(t, net, err)
	for call, k := range c.Calls {
		t.Run(call, func(t *testing.T) {
			latents, shape := g.Tensor("in.latents")
			if k.Normalised {
				mean, _ := g.Tensor("w.latents_mean")
				std, _ := g.Tensor("w.latents_std")
				for i := range latents {
					channel := i / (len(latents) / len(mean)) % len(mean)
					latents[i] = latents[i]*std[channel] + mean[channel]
				}
			}
			got := compiletest.Run(t, s, engine.Values{upLatents: engine.Floats(latents, shape...)}).Float32(upLarger)
			if k.AdaIN != 0 {
				got = adaIN(got, latents, int(c.In), k.AdaIN)
			}
			if k.ToneMap != 0 {
				got = toneMap(got, k.ToneMap)
			}
			want, _ := g.Tensor("out." + call)
			golden.Near(t, call, got, want, 1e-4)
		})
	}
}

func TestUpsamplersThatDoNotFitAreRefused(t *testing.T) {
	ok := UpsamplerConfig{In: 4, Mid: 32, Blocks: 1, Dims: 3}
	if err := ok.Validate(); err != nil {
		t.Fatal(err)
	}
	third := 1.0 / 3
	odd, temporal, narrow := ok, ok, ok
	odd.Scale, temporal.Temporal, narrow.Mid = &third, true, 24
	for _, c := range []struct {
		c  UpsamplerConfig
		is func(error) bool
	}{{odd, errdefs.IsNotImplemented}, {temporal, errdefs.IsNotImplemented}, {narrow, errdefs.IsInvalidArgument}} {
		if err := c.c.Validate(); !c.is(err) {
			t.Errorf("%+v: %v", c.c, err)
		}
	}
}
