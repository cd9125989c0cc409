package wan21

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/compile"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/text"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// The graphs of a bundle; each is <name>.onnx in it.
const (
	graphText        = "text_encoder"
	graphTransformer = "transformer"
	graphDecodeFirst = "vae_decoder_first"
	graphDecodeNext  = "vae_decoder_next"
	graphEncodeFirst = "vae_encoder_first"
	graphEncodeNext  = "vae_encoder_next"
	graphImage       = "image_encoder"
)

// configs are the configurations of a checkpoint's components, as the checkpoint or the bundle has them.
type configs struct {
	Transformer    TransformerConfig
	VAE            VAEConfig
	Text           text.T5Config
	Scheduler      json.RawMessage
	Image          ImageEncoderConfig // image-to-video only, as is the next
	ImageProcessor ImageProcessorConfig
}

// parseConfigs reads configurations by component.
func parseConfigs(by map[string]json.RawMessage) (c configs, err error) {
	parts := map[string]any{"transformer": &c.Transformer, "vae": &c.VAE, "text_encoder": &c.Text, "scheduler": &c.Scheduler}
	if err := decodeConfigs(by, parts); err != nil {
		return c, err
	}
	c.Transformer = c.Transformer.WithDefaults()
	checks := []func() error{c.Transformer.Validate}
	if c.Transformer.ImageDim > 0 {
		if err := decodeConfigs(by, map[string]any{"image_encoder": &c.Image, "image_processor": &c.ImageProcessor}); err != nil {
			return c, err
		}
		c.Image = c.Image.WithDefaults()
		checks = append(checks, c.Image.Validate, c.ImageProcessor.Validate)
	}
	c.VAE, c.Text = c.VAE.WithDefaults(), c.Text.WithDefaults()
	for _, check := range append(checks, c.VAE.Validate, c.VAE.validateStatistics, c.Text.Validate) {
		if err := check(); err != nil {
			return c, err
		}
	}
	return c, nil
}

func decodeConfigs(by map[string]json.RawMessage, parts map[string]any) error {
	for name, to := range parts {
		raw, ok := by[name]
		if !ok {
			return fmt.Errorf("no configuration of the component %s: %w", name, errdefs.ErrInvalidArgument)
		}
		if err := json.Unmarshal(raw, to); err != nil {
			return fmt.Errorf("configuration of %s: %w: %w", name, err, errdefs.ErrInvalidArgument)
		}
	}
	return nil
}

// sources gives the weights of a component; nil values build graphs without weights.
type sources func(component string) nn.Source

type graph struct {
	name string
	net  *nn.Net
}

// graphs builds every graph that the configurations ask for: the VAE's encoder only where the transformer takes an image.
func (c configs) graphs(src sources) (all []graph, err error) {
	add := func(name string, net *nn.Net, e error) {
		if e != nil && err == nil {
			err = fmt.Errorf("graph %s: %w", name, e)
		}
		all = append(all, graph{name, net})
	}
	vae := src("vae")
	net, e := text.T5Encoder(c.Text, src("text_encoder"))
	add(graphText, net, e)
	net, e = Transformer(c.Transformer, src("transformer"))
	add(graphTransformer, net, e)
	net, e = Decoder(c.VAE, true, vae)
	add(graphDecodeFirst, net, e)
	net, e = Decoder(c.VAE, false, vae)
	add(graphDecodeNext, net, e)
	if c.imageToVideo() {
		net, e = Encoder(c.VAE, true, vae)
		add(graphEncodeFirst, net, e)
		net, e = Encoder(c.VAE, false, vae)
		add(graphEncodeNext, net, e)
	}
	if c.Transformer.ImageDim > 0 {
		net, e = ImageEncoder(c.Image, src("image_encoder"))
		add(graphImage, net, e)
	}
	return all, err
}

// imageToVideo says whether the transformer takes a condition next to the latents.
func (c configs) imageToVideo() bool { return c.Transformer.InChannels > c.Transformer.OutChannels }

// graphNames lists the graphs of a bundle of this model, in the order in which a clip needs them.
func (c configs) graphNames() []string {
	names := []string{graphText}
	if c.imageToVideo() {
		names = append(names, graphEncodeFirst, graphEncodeNext)
	}
	if c.Transformer.ImageDim > 0 {
		names = append(names, graphImage)
	}
	return append(names, graphTransformer, graphDecodeFirst, graphDecodeNext)
}

func compileGraphs(ctx context.Context, dir string, opt compile.Optimiser, all []graph) (err error) {
	w, err := compile.Create(dir, opt)
	if err != nil {
		return err
	}
	defer func() {
		if e := w.Close(); err == nil {
			err = e
		}
	}()
	for _, g := range all {
		m, err := g.net.Model()
		if err != nil {
			return err
		}
		if err := w.Add(ctx, g.name, m); err != nil {
			return err
		}
	}
	return nil
}

var _ nn.Source = (*weights.Set)(nil)
