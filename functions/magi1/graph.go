package magi1

import (
	"encoding/json"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/text/t5"
)

// The graphs of a bundle.
const (
	graphText        = "text_encoder"
	graphTables      = "tables"
	graphTransformer = "transformer"
	graphEncode      = "vae_encoder"
	graphDecode      = "vae_decoder"
)

// configs are the configurations of a checkpoint's components.
type configs struct {
	Config
	VAE  VAEConfig
	Text t5.Config
}

// parseConfigs reads configurations by component.
func parseConfigs(by map[string]json.RawMessage) (c configs, err error) {
	if raw, ok := by["transformer"]; ok {
		if err := checkGiven(raw); err != nil {
			return c, err
		}
	}
	if err := bundle.Decode(by, map[string]any{"transformer": &c.Config, "vae": &c.VAE, "text_encoder": &c.Text}); err != nil {
		return c, err
	}
	c.Config, c.VAE, c.Text = c.Config.WithDefaults(), c.VAE.WithDefaults(), c.Text.WithDefaults()
	for _, check := range []func() error{c.Model.Validate, c.Runtime.validate, c.Engine.validate, c.VAE.Validate, c.Text.Validate, c.fit} {
		if err := check(); err != nil {
			return c, err
		}
	}
	return c, nil
}

// fit refuses components that do not belong together.
func (c configs) fit() error {
	switch {
	case c.VAE.Coder.ZChannels != c.Model.latentChannels():
		return invalid("the VAE has %d latent channels, the transformer takes %d", c.VAE.Coder.ZChannels, c.Model.latentChannels())
	case c.Text.DModel != c.Model.CaptionSize:
		return invalid("the text encoder gives %d values a token, the transformer takes %d", c.Text.DModel, c.Model.CaptionSize)
	case int(c.VAE.Coder.PatchLength) != c.Runtime.TimeFactor:
		return invalid("the VAE joins %d frames, the transformer's temporal_downsample_factor is %d", c.VAE.Coder.PatchLength, c.Runtime.TimeFactor)
	case c.Runtime.FPS/2 < c.Runtime.TimeFactor:
		return invalid("at %d frames a second a tile of half a second has no latent frame of %d", c.Runtime.FPS, c.Runtime.TimeFactor)
	}
	if err := checkSide("video_size_w of runtime_config", c.Runtime.Width, c.side()); err != nil {
		return err
	}
	return checkSide("video_size_h of runtime_config", c.Runtime.Height, c.side())
}

// graphs are in the order in which a clip needs them.
func (c configs) graphs() []bundle.Graph {
	of := func(name, component string, build func(o nn.Options) (*nn.Net, error)) bundle.Graph {
		return bundle.Graph{Name: name, Component: component, Build: build}
	}
	return []bundle.Graph{
		of(graphText, "text_encoder", func(o nn.Options) (*nn.Net, error) { return t5.Encoder(c.Text, o) }),
		of(graphTables, "transformer", func(o nn.Options) (*nn.Net, error) { return Tables(c.Model, o) }),
		of(graphEncode, "vae", func(o nn.Options) (*nn.Net, error) { return Encoder(c.VAE, o) }),
		of(graphTransformer, "transformer", func(o nn.Options) (*nn.Net, error) {
			return Transformer(c.Model, c.Engine.Distill, c.Runtime.Slots(), o)
		}),
		of(graphDecode, "vae", func(o nn.Options) (*nn.Net, error) { return Decoder(c.VAE, o) }),
	}
}
