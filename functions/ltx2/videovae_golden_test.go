package ltx2

import (
	"os"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

func TestGoldenVideoVAE(t *testing.T) {
	g := golden.Open(t, "ltx2_video_vae")
	var c VideoVAEConfig
	g.Config(&c)
	net, err := VideoDecoder(c, nn.Options{Weights: g.Weights("w.")})
	s := compiletest.Open(t, net, err)
	latents, shape := g.Tensor("in.latents")
	want, _ := g.Tensor("out.decoded")
	golden.Near(t, "decoded", compiletest.Run(t, s, engine.Values{vaeLatents: engine.Floats(latents, shape...)}).Float32(vaeVideo), want, 1e-4)

	net, err = VideoEncoder(c, nn.Options{Weights: g.Weights("w.")})
	s = compiletest.Open(t, net, err)
	video, shape := g.Tensor("in.video")
	want, _ = g.Tensor("out.mean")
	golden.Near(t, "mean", compiletest.Run(t, s, engine.Values{vaeVideo: engine.Floats(video, shape...)}).Float32(vaeLatents), want, 1e-4)
}

// TestGoldenVideoVAEPatched has patches of pixels, padding by reflection and other factors; the file keeps every few pixels.
func TestGoldenVideoVAEPatched(t *testing.T) {
	g := golden.Open(t, "ltx2_vae_tiling")
	var c struct {
		VideoVAEConfig
		Kept []int `json:"kept"`
	}
	g.Config(&c)
	net, err := VideoDecoder(c.VideoVAEConfig, nn.Options{Weights: g.Weights("w.")})
	s := compiletest.Open(t, net, err)
	latents, shape := g.Tensor("in.latents")
	out, err := compiletest.Run(t, s, engine.Values{vaeLatents: engine.Floats(latents, shape...)}).Tensor(vaeVideo)
	if err != nil {
		t.Fatal(err)
	}
	height, width := int(out.Shape[3]), int(out.Shape[4])
	var got []float32
	for at := 0; at < len(out.Float32()); at += height * width {
		for y := 0; y < height; y += c.Kept[0] {
			for x := 0; x < width; x += c.Kept[1] {
				got = append(got, out.Float32()[at+y*width+x])
			}
		}
	}
	want, _ := g.Tensor("out.decoded_plain")
	golden.Near(t, "decoded", got, want, 1e-4)
}

func TestVideoVAEsThatDoNotFitAreRefused(t *testing.T) {
	ok := VideoVAEConfig{Latent: 4, Channels: []int64{8}, Layers: []int64{1, 1}, Scaling: []bool{true}, Down: []string{"spatial"},
		DecChannels: []int64{8}, DecLayers: []int64{1, 1}, DecScaling: []bool{true}, UpResidual: []bool{false}, UpFactor: []int64{1}}
	if err := ok.WithDefaults().Validate(); err != nil {
		t.Fatal(err)
	}
	noisy, odd, short := ok, ok, ok
	noisy.InjectNoise, odd.Down, short.DecLayers = []bool{true}, []string{"diagonal"}, []int64{1}
	for _, c := range []struct {
		c  VideoVAEConfig
		is func(error) bool
	}{{noisy, errdefs.IsNotImplemented}, {odd, errdefs.IsNotImplemented}, {short, errdefs.IsInvalidArgument}, {VideoVAEConfig{}, errdefs.IsInvalidArgument}} {
		if err := c.c.WithDefaults().Validate(); !c.is(err) {
			t.Errorf("%+v: %v", c.c, err)
		}
	}
}

// louder has what the decoder's first convolution makes, and so the sums behind it, times a number.
type louder struct {
	golden.Weights
	by float32
}

func (l louder) ReadFloat32(name string, at int64, dst []float32) error {
	err := l.Weights.ReadFloat32(name, at, dst)
	for i := range dst {
		if strings.HasPrefix(name, "decoder.conv_in.") {
			dst[i] *= l.by
		}
	}
	return err
}

// TestSumsBeyondFP16 has sums of several times what FP16 holds between the decoder's norms: the graph that a GPU gets says what float32
// says.
func TestSumsBeyondFP16(t *testing.T) {
	if os.Getenv(compiletest.DeviceEnv) != "" {
		t.Skip("the forms that it compares are the CPU's")
	}
	g := golden.Open(t, "ltx2_video_vae")
	var c VideoVAEConfig
	g.Config(&c)
	latents, shape := g.Tensor("in.latents")
	decoded := func(form string) []float32 {
		t.Setenv(compiletest.FormEnv, form)
		net, err := VideoDecoder(c, nn.Options{Weights: louder{g.Weights("w."), 3e5}})
		return compiletest.Run(t, compiletest.Open(t, net, err), engine.Values{vaeLatents: engine.Floats(latents, shape...)}).Float32(vaeVideo)
	}
	golden.Near(t, "decoded", decoded("half"), decoded("plain"), 2e-2)
}
