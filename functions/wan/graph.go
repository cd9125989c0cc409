package wan

import (
	"encoding/json"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/text/t5"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
	"github.com/videosdgx/videosdgx/functions/inference/vision"
)

// The graphs of a bundle.
const (
	graphText        = "text_encoder"
	graphTransformer = "transformer"
	graphSecond      = "transformer_2"
	graphDecodeFirst = "vae_decoder_first"
	graphDecodeNext  = "vae_decoder_next"
	graphEncodeFirst = "vae_encoder_first"
	graphEncodeNext  = "vae_encoder_next"
	graphImage       = "image_encoder"
)

// configs are the configurations of a checkpoint's components, as the checkpoint or the bundle has them.
type configs struct {
	Pipeline       PipelineConfig
	Transformer    TransformerConfig
	Second         *TransformerConfig // the expert of low noise, where there are two
	VAE            vae.Config
	Text           t5.Config
	Scheduler      json.RawMessage
	Image          vision.CLIPConfig // image-to-video only, as is the next
	ImageProcessor ImageProcessorConfig
}

// parseConfigs reads configurations by component.
func parseConfigs(by map[string]json.RawMessage) (c configs, err error) {
	parts := map[string]any{"transformer": &c.Transformer, "vae": &c.VAE, "text_encoder": &c.Text, "scheduler": &c.Scheduler}
	if err := bundle.Decode(by, parts); err != nil {
		return c, err
	}
	if err := c.parsePipeline(by); err != nil {
		return c, err
	}
	checks := []func() error{c.Transformer.Validate, c.validateExperts}
	if c.Transformer.ImageDim > 0 {
		if err := bundle.Decode(by, map[string]any{"image_encoder": &c.Image, "image_processor": &c.ImageProcessor}); err != nil {
			return c, err
		}
		c.Image = c.Image.WithDefaults()
		checks = append(checks, c.Image.Validate, c.ImageProcessor.Validate)
	}
	c.VAE, c.Text = c.VAE.WithDefaults(), c.Text.WithDefaults()
	for _, check := range append(checks, c.VAE.Validate, c.VAE.ValidateStatistics, c.Text.Validate) {
		if err := check(); err != nil {
			return c, err
		}
	}
	return c, nil
}

// graphs are what the configurations ask for, in the order in which a clip needs them: the VAE's encoder last where only
// some clips do.
func (c configs) graphs() []bundle.Graph {
	coder := func(name string, build func(vae.Config, bool, nn.Options) (*nn.Net, error), first bool) bundle.Graph {
		return bundle.Graph{Name: name, Component: "vae", Build: func(o nn.Options) (*nn.Net, error) { return build(c.VAE, first, o) }}
	}
	transformer := func(name string, t TransformerConfig) bundle.Graph {
		return bundle.Graph{Name: name, Component: name, Build: func(o nn.Options) (*nn.Net, error) { return namedTransformer(name, t, o) }}
	}
	encoders := []bundle.Graph{coder(graphEncodeFirst, vae.Encoder, true), coder(graphEncodeNext, vae.Encoder, false)}
	all := []bundle.Graph{{Name: graphText, Component: "text_encoder", Build: func(o nn.Options) (*nn.Net, error) { return t5.Encoder(c.Text, o) }}}
	if c.imageToVideo() {
		all = append(all, encoders...)
	}
	if c.Transformer.ImageDim > 0 {
		all = append(all, bundle.Graph{Name: graphImage, Component: "image_encoder", Build: func(o nn.Options) (*nn.Net, error) { return vision.CLIP(c.Image, o) }})
	}
	all = append(all, transformer(graphTransformer, c.Transformer))
	if c.Second != nil {
		all = append(all, transformer(graphSecond, *c.Second))
	}
	all = append(all, coder(graphDecodeFirst, vae.Decoder, true), coder(graphDecodeNext, vae.Decoder, false))
	if !c.imageToVideo() {
		all = append(all, encoders...)
	}
	return all
}

// imageToVideo says whether the transformer takes a condition next to the latents.
func (c configs) imageToVideo() bool { return c.Transformer.InChannels > c.Transformer.OutChannels }
