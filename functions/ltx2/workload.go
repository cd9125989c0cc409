package ltx2

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/schedule"
)

// Workload is a clip of the released models' default size for a transformer of their shapes: what benchmarks run without a
// checkpoint. 768×512, 121 frames at 24 a second, 1024 tokens of text, the distilled steps.
type Workload struct {
	c       TransformerConfig
	size    size
	moments int64
	text    int64
}

// Published is the workload of a release, "2.0" or "2.3", with so many blocks (they have 48).
func Published(release string, layers int64) (Workload, error) {
	c := TransformerConfig{InChannels: 128, AudioInChannels: 128, NumHeads: 32, HeadDim: 128, AudioNumHeads: 32, AudioHeadDim: 64, TextDim: 4096, AudioTextDim: 2048,
		NumLayers: layers, QKNorm: "rms_norm_across_heads", Rope: ropeSplit, WholeText: true}
	caption := int64(3840)
	switch release {
	case "2.0":
		c.CaptionChannels = &caption
	case "2.3":
		c.GatedAttn, c.AudioGatedAttn, c.CrossAttnMod, c.AudioCrossAttnMod, c.PerturbedAttn = true, true, true, true, true
	default:
		return Workload{}, fmt.Errorf("release %q is none of 2.0, 2.3: %w", release, errdefs.ErrInvalidArgument)
	}
	c = c.WithDefaults()
	return Workload{c: c, size: size{16, 16, 24}, moments: c.moments(121, 24), text: 1024}, c.Validate()
}

// Model is the graph, without weights.
func (w Workload) Model() (*onnx.Model, error) {
	net, err := Transformer(w.c, nn.Options{})
	if err != nil {
		return nil, err
	}
	return net.Model()
}

// Denoise makes one clip's latents with a session of the graph; stepped hears of every step that is done.
func (w Workload) Denoise(ctx context.Context, s engine.Session, gauss func(n int) []float32, stepped func()) ([]float32, error) {
	video, audio := w.c.TextDim, w.c.AudioTextDim
	if w.c.projectsCaptions() {
		video, audio = *w.c.CaptionChannels, *w.c.CaptionChannels
	}
	t := texts{video: engine.Floats(gauss(int(w.text*video)), 1, w.text, video), audio: engine.Floats(gauss(int(w.text*audio)), 1, w.text, audio)}
	d := &denoiser{c: w.c, graphs: alone{s}, cond: t, guidance: guidance{video: schedule.Guidance{Scale: 1, Modality: 1}, audio: schedule.Guidance{Scale: 1, Modality: 1}, cross: w.c.CrossAttnMod},
		video: w.c.videoPositions(w.size.frames, w.size.height, w.size.width, 24), audio: w.c.audioPositions(w.moments)}
	now := latents{gauss(int(w.size.points() * w.c.InChannels)), gauss(int(w.moments * w.c.AudioInChannels))}
	c := schedule.Defaults()
	c.Class = "FlowMatchEulerDiscreteScheduler"
	err := d.denoise(ctx, c, schedule.Options{Sigmas: distilled}, now, func(step) error { stepped(); return nil })
	return append(now.video, now.audio...), err
}

// alone is a session as the only graph.
type alone struct{ engine.Session }

// Run runs it, whatever graph is asked for.
func (a alone) Run(ctx context.Context, _ string, in engine.Values, resident ...string) (engine.Values, error) {
	return a.Session.Run(ctx, in, resident...)
}
