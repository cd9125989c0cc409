package waver

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
	"github.com/videosdgx/videosdgx/functions/inference/schedule"
	"github.com/videosdgx/videosdgx/functions/inference/text/qwen"
	"github.com/videosdgx/videosdgx/functions/inference/text/t5"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Family is what the manifest of a Waver bundle calls its model.
const Family = "waver"

// The graphs of a bundle.
const (
	graphT5          = "text_encoder"
	graphQwen        = "text_encoder_2"
	graphTransformer = "transformer"
	graphDecodeFirst = "vae_decoder_first"
	graphDecodeNext  = "vae_decoder_next"
	graphEncodeFirst = "vae_encoder_first"
	graphEncodeNext  = "vae_encoder_next"
)

// configs are the configurations of a checkpoint's components.
type configs struct {
	Transformer TransformerConfig
	VAE         vae.Config
	T5          t5.Config
	Qwen        qwen.Config
	Scheduler   json.RawMessage
}

func parseConfigs(by map[string]json.RawMessage) (c configs, err error) {
	if err := bundle.Decode(by, map[string]any{"transformer": &c.Transformer, "vae": &c.VAE, "text_encoder": &c.T5, "text_encoder_2": &c.Qwen, "scheduler": &c.Scheduler}); err != nil {
		return c, err
	}
	c.Transformer, c.VAE, c.T5, c.Qwen = c.Transformer.WithDefaults(), c.VAE.WithDefaults(), c.T5.WithDefaults(), c.Qwen.WithDefaults()
	for _, check := range []func() error{c.Transformer.Validate, c.VAE.Validate, c.VAE.ValidateStatistics, c.T5.Validate, c.Qwen.Validate, c.agree} {
		if err := check(); err != nil {
			return c, err
		}
	}
	return c, nil
}

// agree holds the components to one another.
func (c configs) agree() error {
	t := c.Transformer
	switch {
	case t.T5Dim != c.T5.DModel || t.QwenDim != c.Qwen.Hidden:
		return fmt.Errorf("the transformer takes text of %d and %d values, the encoders give %d and %d: %w", t.T5Dim, t.QwenDim, c.T5.DModel, c.Qwen.Hidden, errdefs.ErrInvalidArgument)
	case t.OutChannels != c.VAE.ZDim || t.InChannels != 2*c.VAE.ZDim+c.VAE.TemporalScale():
		return fmt.Errorf("the transformer takes %d channels and gives %d; latents, image and mask make %d, latents %d: %w",
			t.InChannels, t.OutChannels, 2*c.VAE.ZDim+c.VAE.TemporalScale(), c.VAE.ZDim, errdefs.ErrInvalidArgument)
	}
	return nil
}

// Defaults are what a request leaves out, and how guidance is projected.
type Defaults struct {
	Height      int     `json:"height"`
	Width       int     `json:"width"`
	Frames      int     `json:"num_frames"`
	FPS         int     `json:"fps"`
	Steps       int     `json:"num_inference_steps"`
	Guidance    float64 `json:"guidance_scale"`
	Norm        float64 `json:"apg_norm_threshold"`
	Eta         float64 `json:"apg_eta"`
	MaxSequence int     `json:"max_sequence_length"`
}

func parseDefaults(raw json.RawMessage) (Defaults, error) {
	d := Defaults{Height: 720, Width: 1280, Frames: 81, FPS: 16, Steps: 50, Guidance: 8, Norm: 27, MaxSequence: 512}
	if len(raw) == 0 {
		return d, nil
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return d, fmt.Errorf("defaults of the bundle: %w: %w", bundle.Plain(err), errdefs.ErrInvalidArgument)
	}
	return d, nil
}

// Recipe says what becomes of a checkpoint in the layout that README.md describes.
func Recipe(ckpt *weights.Checkpoint) (bundle.Recipe, error) {
	r := bundle.FromCheckpoint(Family, ckpt)
	r.Precision = string(quant.FP8)
	r.Transformers = []string{"transformer"}
	c, err := parseConfigs(r.Configs)
	if err != nil {
		return r, err
	}
	p := &Pipeline{c: c}
	if p.defaults, err = parseDefaults(r.Defaults); err != nil {
		return r, err
	}
	if err := p.tokenizers(ckpt.Dir); err != nil {
		return r, err
	}
	r.Schema = handler.Schema(p.Describe())
	r.Graphs, r.Sizes = c.graphs(), c.sizes(p.defaults)
	r.Clip = bundle.ClipSize{Width: p.defaults.Width, Height: p.defaults.Height, Frames: p.defaults.Frames}
	return r, p.check(r)
}

// check refuses what would be built and then be of no use: parts of different models, and defaults that nobody could ask for.
func (p *Pipeline) check(r bundle.Recipe) error {
	c := p.c
	err := cmp.Or(
		r.Depth(graphTransformer, "dual.blocks.", c.Transformer.Dual), r.Depth(graphTransformer, "single.blocks.", c.Transformer.Single),
		r.Depth(graphT5, "encoder.block.", c.T5.NumLayers), r.Depth(graphQwen, "layers.", c.Qwen.Layers), r.Depth(graphQwen, "model.layers.", c.Qwen.Layers),
		part("tokenizer", p.t5.Tokenizer.Within(c.T5.VocabSize)), part("tokenizer_2", p.qwen.Tokenizer.Within(c.Qwen.VocabSize)),
	)
	if d := p.defaults; err == nil && (d.MaxSequence < 1 || d.Norm < 0) {
		err = fmt.Errorf("the checkpoint's defaults cannot be asked for: max_sequence_length is %d, apg_norm_threshold %g: at least 1 and 0 are needed: %w", d.MaxSequence, d.Norm, errdefs.ErrInvalidArgument)
	}
	if err == nil {
		err = handler.CheckDefaults(r.Schema)
	}
	if err == nil {
		_, err = schedule.FromJSON(c.Scheduler, schedule.Options{Steps: p.defaults.Steps})
	}
	return err
}

// part says of which component an error is.
func part(component string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", component, err)
}

func (c configs) graphs() []bundle.Graph {
	coder := func(name string, build func(vae.Config, bool, nn.Options) (*nn.Net, error), first bool) bundle.Graph {
		return bundle.Graph{Name: name, Component: "vae", Build: func(o nn.Options) (*nn.Net, error) { return build(c.VAE, first, o) }}
	}
	return []bundle.Graph{
		{Name: graphT5, Component: graphT5, Build: func(o nn.Options) (*nn.Net, error) { return t5.Encoder(c.T5, o) }},
		{Name: graphQwen, Component: graphQwen, Build: func(o nn.Options) (*nn.Net, error) { return qwen.Encoder(graphQwen, c.Qwen, o) }},
		coder(graphEncodeFirst, vae.Encoder, true), coder(graphEncodeNext, vae.Encoder, false),
		{Name: graphTransformer, Component: graphTransformer, Build: func(o nn.Options) (*nn.Net, error) { return Transformer(c.Transformer, o) }},
		coder(graphDecodeFirst, vae.Decoder, true), coder(graphDecodeNext, vae.Decoder, false),
	}
}

// sizes are the dimensions of every graph for a clip.
func (c configs) sizes(d Defaults) func(bundle.ClipSize) map[string]map[string]int64 {
	return func(clip bundle.ClipSize) map[string]map[string]int64 {
		pixels, time, text := c.VAE.SpatialScale(), c.VAE.TemporalScale(), int64(d.MaxSequence)
		height, width := int64(clip.Height)/pixels, int64(clip.Width)/pixels
		grid := c.Transformer.grid((int64(clip.Frames)-1)/time+1, height, width)
		patches := grid[0] * grid[1] * grid[2]
		latent := map[string]int64{"height": height, "width": width, "frames": 1}
		video := map[string]int64{"height": int64(clip.Height), "width": int64(clip.Width), "frames": time}
		return map[string]map[string]int64{
			graphT5: {"batch": 1, "tokens": text}, graphQwen: {"batch": 1, "tokens": text},
			graphTransformer: {"patches": patches, "t5_tokens": text, "qwen_tokens": text, "all": patches + 2*text},
			graphDecodeFirst: latent, graphDecodeNext: latent, graphEncodeFirst: video, graphEncodeNext: video,
		}
	}
}
