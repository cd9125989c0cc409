package ltx2

import (
	"fmt"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Inputs and outputs of the transformer graph. Times are sinusoids of σ·1000 [batch, 1 or tokens, 256].
const (
	ditVideo      = "video"       // [batch, video, in_channels]
	ditAudio      = "audio"       // [batch, audio, audio_in_channels]
	ditVideoText  = "video_text"  // [batch, text, text_dim]
	ditAudioText  = "audio_text"  // [batch, text, audio_text_dim]
	ditMask       = "mask"        // [batch, 1, 1, text], added to the scores of text; where not all of it counts
	ditVideoTime  = "video_time"  // of the video's tokens
	ditAudioTime  = "audio_time"  // of the sound's
	ditVideoCross = "video_cross" // that modulates the video where the streams attend to each other
	ditAudioCross = "audio_cross"
	ditVideoLevel = "video_level" // [batch, 1, 256], of the text; 2.3 and later
	ditAudioLevel = "audio_level"
	ditAttend     = "attend"    // [layers, batch, 1, 1]: 1 attends, 0 takes the values as they are; with perturbed_attn
	ditCouple     = "couple"    // [1]: 1 lets the streams attend to each other, 0 does not
	ditKeyframes  = "keyframes" // [batch, video, 1]: 1 marks tokens of single pictures; 2.5
	ditVelocity   = "velocity"  // [batch, video, out_channels]
	ditAudioOut   = "audio_velocity"
)

// freqDim is the width of the sinusoids; the published configurations do not carry it.
const freqDim = 256

// dit builds the transformer.
type dit struct {
	*net
	c            TransformerConfig
	mask, couple onnx.Value
	attends      onnx.Value // of every block; "" where a checkpoint was not trained for it
	video, audio stream
}

// stream is one of the two residual streams: its names and sizes, and what the whole clip has in common.
type stream struct {
	prefix     string // of its tensors' names: "" or "audio_"
	dim        int64
	heads      int64
	textDim    int64
	gated      bool
	modText    bool // its queries of the text are modulated: nine rows instead of six
	ffBias     bool
	text       onnx.Value
	rope       rotary // within the stream
	cross      rotary // between the streams
	modulation onnx.Value
	embedded   onnx.Value // of its time
	crossMod   onnx.Value // scale and shift as the video's and the sound's side
	crossGate  onnx.Value
	textMod    onnx.Value // of the text's keys; "" is none
}

// rotary are two table inputs.
type rotary struct{ cos, sin onnx.Value }

// Transformer is the graph of LTX2VideoTransformer3DModel.
func Transformer(c TransformerConfig, o nn.Options) (*nn.Net, error) {
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := &dit{net: &net{nn.New("transformer", "transformer", o), c.Eps, c.Rope}, c: c}
	x := g.Input(ditVideo, onnx.Float32, "batch", "video", c.InChannels)
	a := g.Input(ditAudio, onnx.Float32, "batch", "audio", c.AudioInChannels)
	g.SetBatch(x)
	g.video = stream{dim: c.Dim(), heads: c.NumHeads, textDim: c.TextDim, gated: c.GatedAttn, modText: c.CrossAttnMod, ffBias: or(c.FFBias, true)}
	g.audio = stream{prefix: "audio_", dim: c.AudioDim(), heads: c.AudioNumHeads, textDim: c.AudioTextDim, gated: c.AudioGatedAttn,
		modText: c.AudioCrossAttnMod, ffBias: or(c.AudioFFBias, true)}
	g.conditions()
	x = g.keyframes(g.Linear(x, "proj_in", c.InChannels, c.Dim(), true))
	a = g.Linear(a, "audio_proj_in", c.AudioInChannels, c.AudioDim(), true)
	for i := range c.NumLayers {
		name := fmt.Sprintf("transformer_blocks.%d.", i)
		g.Scoped(name[:len(name)-1], func() { x, a = g.block(x, a, g.attend(i), name) })
	}
	g.Output(ditVelocity, g.out(x, &g.video, c.OutChannels), onnx.Float32, "batch", "video", c.OutChannels)
	g.Output(ditAudioOut, g.out(a, &g.audio, c.AudioOutChannels), onnx.Float32, "batch", "audio", c.AudioOutChannels)
	return g.Net, nil
}

// conditions declares what every block shares: text, times, tables.
func (g *dit) conditions() {
	if !g.c.WholeText {
		g.mask = g.Input(ditMask, onnx.Float32, "batch", 1, 1, "text")
	}
	g.couple = g.Input(ditCouple, onnx.Float32, 1)
	if g.c.PerturbedAttn {
		g.attends = g.Input(ditAttend, onnx.Float32, g.c.NumLayers, "batch", 1, 1)
	}
	g.video.text, g.audio.text = g.texts()
	g.times(&g.video, ditVideoTime, ditVideoCross, ditVideoLevel, "video", "video_a2v")
	g.times(&g.audio, ditAudioTime, ditAudioCross, ditAudioLevel, "audio", "audio_v2a")
	g.video.rope, g.video.cross = g.tables("video", g.video), g.tables("video_cross", g.audio)
	g.audio.rope, g.audio.cross = g.tables("audio", g.audio), g.tables("audio_cross", g.audio)
}

// tables declares the rotary tables of a set of tokens in the geometry of a stream.
func (g *dit) tables(of string, s stream) rotary {
	tokens := map[string]string{"video": "video", "video_cross": "video", "audio": "audio", "audio_cross": "audio"}[of]
	dims := []any{1, tokens, s.heads, 1, s.dim / s.heads / 2}
	if g.c.Rope == ropeInterleaved {
		dims = []any{1, tokens, s.dim / 2, 1}
	}
	return rotary{g.Input(of+"_cos", onnx.Float32, dims...), g.Input(of+"_sin", onnx.Float32, dims...)}
}

// texts are the two inputs of text, projected in 2.0.
func (g *dit) texts() (video, audio onnx.Value) {
	c := g.c
	in := func(name string, dim int64) onnx.Value { return g.Input(name, onnx.Float32, "batch", "text", dim) }
	if !c.projectsCaptions() {
		return in(ditVideoText, c.TextDim), in(ditAudioText, c.AudioTextDim)
	}
	project := func(x onnx.Value, name string, dim int64) onnx.Value {
		x = g.Gelu(g.Linear(x, name+".linear_1", *c.CaptionChannels, dim, true), true)
		return g.Linear(x, name+".linear_2", dim, dim, true)
	}
	return project(in(ditVideoText, *c.CaptionChannels), "caption_projection", c.Dim()),
		project(in(ditAudioText, *c.CaptionChannels), "audio_caption_projection", c.AudioDim())
}

// times embeds a stream's times.
func (g *dit) times(s *stream, time, cross, level, name, gate string) {
	rows := int64(6)
	if s.modText {
		rows = 9
	}
	s.modulation, s.embedded = g.adaLN(g.time(time, name+"_times"), s.prefix+"time_embed", s.dim, rows)
	at := g.time(cross, name+"_cross_times")
	s.crossMod, _ = g.adaLN(at, "av_cross_attn_"+name+"_scale_shift", s.dim, 4)
	s.crossGate, _ = g.adaLN(at, "av_cross_attn_"+gate+"_gate", s.dim, 1)
	if _, levels := g.c.modulatesText(); levels {
		s.textMod, _ = g.adaLN(g.time(level, 1), s.prefix+"prompt_adaln", s.dim, 2)
	}
}

func (g *dit) time(name string, tokens any) onnx.Value {
	return g.Input(name, onnx.Float32, "batch", tokens, freqDim)
}

// adaLN is LTX2AdaLayerNormSingle: an embedding [batch, times, dim] and rows of modulation [batch, times, rows·dim].
func (g *dit) adaLN(time onnx.Value, name string, dim, rows int64) (modulation, embedded onnx.Value) {
	const linear = ".emb.timestep_embedder.linear_"
	embedded = g.SiLU(g.Linear(time, name+linear+"1", freqDim, dim, true))
	embedded = g.Linear(embedded, name+linear+"2", dim, dim, true)
	return g.Linear(g.SiLU(embedded), name+".linear", dim, rows*dim, true), embedded
}

// keyframes marks the tokens that stand for a single picture.
func (g *dit) keyframes(x onnx.Value) onnx.Value {
	if !g.c.KeyframesEmbedding {
		return x
	}
	marks := g.Input(ditKeyframes, onnx.Float32, "batch", "video", 1)
	return g.Add(x, g.Mul(marks, g.Param("keyframes_abs_pos_embedding", 1, g.c.Dim())))
}

// attend is a block's row of what perturbs attention.
func (g *dit) attend(block int64) onnx.Value {
	if g.attends == "" {
		return ""
	}
	return g.Gather(g.attends, g.Scalar(block))
}

// out is the last norm, modulated by the stream's time, and the projection to latents.
func (g *dit) out(x onnx.Value, s *stream, channels int64) onnx.Value {
	table := g.ParamAs(s.prefix+"scale_shift_table", []int64{2, s.dim}, []int64{1, 1, 2 * s.dim})
	parts := g.Split(table, 2, 2)
	shift, scale := g.Add(parts[0], s.embedded), g.Add(parts[1], s.embedded)
	return g.Linear(g.Modulate(x, scale, shift, 1e-6), s.prefix+"proj_out", s.dim, channels, true)
}
