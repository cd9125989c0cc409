package ltx2

import (
	"encoding/json"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/schedule"
	"github.com/videosdgx/videosdgx/functions/inference/text/gemma"
)

// The graphs of a bundle.
const (
	graphText         = "text_encoder"
	graphConnectors   = "connectors"
	graphTransformer  = "transformer"
	graphStageTwo     = "stage_2" // the transformer with the LoRAs of the second stage, where there are some
	graphUpsampler    = "latent_upsampler"
	graphDecode       = "vae_decoder"
	graphEncode       = "vae_encoder"
	graphAudioDecoder = "audio_decoder"
	graphVocoder      = "vocoder"
)

// videoVAE and audioVAE are the configurations with the statistics of their latents.
type (
	videoVAE struct {
		VideoVAEConfig
		statistics
	}
	audioVAE struct {
		AudioVAEConfig
		statistics
	}
)

// configs are the configurations of a checkpoint's components, as the checkpoint or the bundle has them.
type configs struct {
	Transformer TransformerConfig
	Connectors  ConnectorsConfig
	VAE         videoVAE
	Text        gemma.Config
	Scheduler   schedule.Config
	Audio       audioVAE         // where hasSound
	Vocoder     VocoderConfig    // where hasSound
	Upsampler   *UpsamplerConfig // nil: there is none
	hasSound    bool
}

// transformer is the graph of the denoiser.
func (c configs) transformer() bundle.Graph {
	return bundle.Graph{Name: graphTransformer, Component: "transformer", Build: func(o nn.Options) (*nn.Net, error) { return Transformer(c.Transformer, o) }}
}

// parseConfigs reads configurations by component.
func parseConfigs(by map[string]json.RawMessage) (c configs, err error) {
	var text, scheduler json.RawMessage
	parts := map[string]any{"transformer": &c.Transformer, "connectors": &c.Connectors, "vae": &c.VAE, "text_encoder": &text, "scheduler": &scheduler}
	if c.hasSound = by["audio_vae"] != nil && by["vocoder"] != nil; c.hasSound {
		parts["audio_vae"], parts["vocoder"] = &c.Audio, &c.Vocoder
	}
	if by["latent_upsampler"] != nil {
		parts["latent_upsampler"] = &c.Upsampler
	}
	if err := bundle.Decode(by, parts); err != nil {
		return c, err
	}
	if c.Text, err = gemma.ParseConfig(text); err != nil {
		return c, err
	}
	if c.Scheduler, err = schedule.ParseConfig(scheduler); err != nil {
		return c, err
	}
	return c.withDefaults(), c.withDefaults().validate()
}

func (c configs) withDefaults() configs {
	c.Transformer, c.Connectors, c.VAE.VideoVAEConfig = c.Transformer.WithDefaults(), c.Connectors.WithDefaults(), c.VAE.WithDefaults()
	c.Transformer.WholeText = c.Connectors.Registers() > 0
	if c.hasSound {
		c.Audio.AudioVAEConfig, c.Vocoder = c.Audio.WithDefaults(), c.Vocoder.WithDefaults()
	}
	return c
}

func (c configs) validate() error {
	checks := []func() error{c.Transformer.Validate, c.Connectors.Validate, c.VAE.Validate, c.fit}
	if c.hasSound {
		checks = append(checks, c.Audio.Validate, c.Vocoder.Validate)
	}
	if c.Upsampler != nil {
		checks = append(checks, c.Upsampler.Validate)
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// fit refuses components that cannot be of one model.
func (c configs) fit() error {
	text, audio := c.Transformer.TextDim, c.Transformer.AudioTextDim
	if c.Transformer.projectsCaptions() {
		text, audio = *c.Transformer.CaptionChannels, *c.Transformer.CaptionChannels
	}
	for _, d := range []struct {
		what      string
		have, fit int64
	}{
		{"the connectors' caption_channels", c.Connectors.CaptionChannels, c.Text.Hidden},
		{"the connectors' text_proj_in_factor", c.Connectors.Layers, c.Text.Layers + 1},
		{"the video's text", c.Connectors.VideoHeads * c.Connectors.VideoHeadDim, text},
		{"the sound's text", c.Connectors.AudioHeads * c.Connectors.AudioHeadDim, audio},
		{"the video's latents", c.VAE.Latent, c.Transformer.InChannels},
	} {
		if d.have != d.fit {
			return fmt.Errorf("LTX-2: %s is %d where %d would fit: %w", d.what, d.have, d.fit, errdefs.ErrInvalidArgument)
		}
	}
	if c.hasSound && c.Audio.width() != c.Transformer.AudioInChannels {
		return fmt.Errorf("LTX-2: the sound's latents are %d wide where %d would fit: %w", c.Audio.width(), c.Transformer.AudioInChannels, errdefs.ErrInvalidArgument)
	}
	if c.Upsampler != nil && c.Upsampler.In != c.VAE.Latent {
		return fmt.Errorf("LTX-2: the upsampler takes %d channels, latents have %d: %w", c.Upsampler.In, c.VAE.Latent, errdefs.ErrInvalidArgument)
	}
	return nil
}

// width is how many values stand for one moment of sound.
func (c AudioVAEConfig) width() int64 { return c.Latent * c.Mels / c.Factor() }

// graphs are what the configurations ask for, in the order in which a clip needs them.
func (c configs) graphs() []bundle.Graph {
	all := []bundle.Graph{
		{Name: graphText, Component: "text_encoder", Build: func(o nn.Options) (*nn.Net, error) { return gemma.Encoder(c.Text, o) }},
		{Name: graphConnectors, Component: "connectors", Build: func(o nn.Options) (*nn.Net, error) { return Connectors(c.Connectors, o) }},
		{Name: graphEncode, Component: "vae", Build: func(o nn.Options) (*nn.Net, error) { return VideoEncoder(c.VAE.VideoVAEConfig, o) }},
		c.transformer(),
	}
	if c.Upsampler != nil {
		all = append(all, bundle.Graph{Name: graphUpsampler, Component: "latent_upsampler", Build: func(o nn.Options) (*nn.Net, error) { return Upsampler(*c.Upsampler, o) }})
	}
	if c.hasSound {
		all = append(all,
			bundle.Graph{Name: graphAudioDecoder, Component: "audio_vae", Build: func(o nn.Options) (*nn.Net, error) { return AudioDecoder(c.Audio.AudioVAEConfig, o) }},
			bundle.Graph{Name: graphVocoder, Component: "vocoder", Build: func(o nn.Options) (*nn.Net, error) { return Vocoder(c.Vocoder, o) }})
	}
	return append(all, bundle.Graph{Name: graphDecode, Component: "vae", Build: func(o nn.Options) (*nn.Net, error) { return VideoDecoder(c.VAE.VideoVAEConfig, o) }})
}
