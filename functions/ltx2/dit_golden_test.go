package ltx2

import (
	"slices"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

// call is one forward pass of the reference; strings name tensors of the file.
type call struct {
	Timestep         string  `json:"timestep"`
	AudioTimestep    string  `json:"audio_timestep"`
	AudioSigma       string  `json:"audio_sigma"`
	CrossTimestep    bool    `json:"use_cross_timestep"`
	Isolate          bool    `json:"isolate_modalities"`
	Blocks           []int64 `json:"spatio_temporal_guidance_blocks"`
	PerturbationMask string  `json:"perturbation_mask"`
	Keyframes        string  `json:"video_keyframes_mask"`
}

type goldenConfig struct {
	TransformerConfig
	Call struct {
		Frames      int64   `json:"num_frames"`
		Height      int64   `json:"height"`
		Width       int64   `json:"width"`
		AudioFrames int64   `json:"audio_num_frames"`
		FPS         float64 `json:"fps"`
	} `json:"call"`
	Calls map[string]call `json:"calls"`
}

func TestGoldenTransformer20(t *testing.T) { transformerGolden(t, "ltx2_transformer") }
func TestGoldenTransformerInterleaved(t *testing.T) {
	transformerGolden(t, "ltx2_transformer_interleaved")
}
func TestGoldenTransformer23(t *testing.T)       { transformerGolden(t, "ltx2_transformer_23") }
func TestGoldenTransformerTokens20(t *testing.T) { transformerGolden(t, "ltx2_transformer_tokens") }
func TestGoldenTransformerTokens23(t *testing.T) { transformerGolden(t, "ltx2_transformer_tokens_23") }
func TestGoldenTransformerTokens25(t *testing.T) { transformerGolden(t, "ltx2_transformer_tokens_25") }

func transformerGolden(t *testing.T, name string) {
	g := golden.Open(t, name)
	var c goldenConfig
	g.Config(&c)
	c.TransformerConfig = c.WithDefaults()
	net, err := Transformer(c.TransformerConfig, nn.Options{Weights: g.Weights("w.")})
	s := compiletest.Open(t, net, err)
	calls := c.Calls
	if calls == nil {
		calls = map[string]call{"": {Timestep: "timestep"}}
	}
	for which, k := range calls {
		t.Run(which, func(t *testing.T) {
			out := compiletest.Run(t, s, inputs(t, g, c, k))
			suffix := ""
			if which != "" {
				suffix = "_" + which
			}
			want, _ := g.Tensor("out.sample" + suffix)
			golden.Near(t, "video", out.Float32(ditVelocity), want, 1e-4)
			want, _ = g.Tensor("out.audio_sample" + suffix)
			golden.Near(t, "sound", out.Float32(ditAudioOut), want, 1e-4)
		})
	}
}

// inputs are those of the graph for a call.
func inputs(t *testing.T, g *golden.Case, c goldenConfig, k call) engine.Values {
	t.Helper()
	in := engine.Values{}
	batch := int64(0)
	for to, from := range map[string]string{ditVideo: "hidden_states", ditAudio: "audio_hidden_states", ditVideoText: "encoder_hidden_states", ditAudioText: "audio_encoder_hidden_states"} {
		v, shape := g.Tensor("in." + from)
		in[to], batch = engine.Floats(v, shape...), shape[0]
	}
	if k.AudioTimestep == "" {
		k.AudioTimestep = k.Timestep
	}
	sigma := k.Timestep
	if slices.Contains(g.Names(), "in.sigma") {
		sigma = "sigma"
	}
	if k.AudioSigma == "" {
		k.AudioSigma = sigma
	}
	video, audio := k.Timestep, k.AudioTimestep
	if k.CrossTimestep {
		video, audio = k.AudioSigma, sigma
	}
	for to, from := range map[string]string{ditVideoTime: k.Timestep, ditAudioTime: k.AudioTimestep, ditVideoCross: video, ditAudioCross: audio} {
		in[to] = sinusoids(g, from, batch)
	}
	if _, levels := c.modulatesText(); levels {
		in[ditVideoLevel], in[ditAudioLevel] = sinusoids(g, sigma, batch), sinusoids(g, k.AudioSigma, batch)
	}
	mask, shape := g.Tensor("in.encoder_attention_mask")
	in[ditMask] = engine.Floats(textMask(mask), batch, 1, 1, shape[1])
	tables(in, c.TransformerConfig, c.videoPositions(c.Call.Frames, c.Call.Height, c.Call.Width, c.Call.FPS), c.audioPositions(c.Call.AudioFrames))
	in[ditCouple] = engine.Floats([]float32{map[bool]float32{false: 1}[k.Isolate]}, 1)
	if c.PerturbedAttn {
		in[ditAttend] = attends(g, c.NumLayers, batch, k)
	}
	if c.KeyframesEmbedding {
		marks := make([]float32, batch*c.Call.Frames*c.Call.Height*c.Call.Width)
		if k.Keyframes != "" {
			marks, _ = g.Tensor("in." + k.Keyframes)
		}
		in[ditKeyframes] = engine.Floats(marks, batch, int64(len(marks))/batch, 1)
	}
	return in
}

func sinusoids(g *golden.Case, name string, batch int64) engine.Tensor {
	v, _ := g.Tensor("in." + name)
	var out []float32
	for _, t := range v {
		out = append(out, nn.Sinusoid(t, freqDim)...)
	}
	return engine.Floats(out, batch, int64(len(v))/batch, freqDim)
}

// attends is 1 but in the blocks that a call perturbs.
func attends(g *golden.Case, layers, batch int64, k call) engine.Tensor {
	v := make([]float32, 0, layers*batch)
	for i := range layers {
		for b := range batch {
			keep := float32(1)
			if slices.Contains(k.Blocks, i) {
				keep = 0
				if k.PerturbationMask != "" {
					m, _ := g.Tensor("in." + k.PerturbationMask)
					keep = m[b]
				}
			}
			v = append(v, keep)
		}
	}
	return engine.Floats(v, layers, batch, 1, 1)
}
