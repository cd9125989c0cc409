package wan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
	"github.com/videosdgx/videosdgx/functions/inference/text"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// What the manifests of bundles call their models.
const (
	Family21 = "wan21"
	Family22 = "wan22"
)

// bearsFP16 are the components whose activations are FP16 on a GPU unless something else is asked for: what goes into their products is
// normed, and Wan is run in FP16 by others too. The text encoder's are BF16: they go beyond FP16.
var bearsFP16 = []string{graphTransformer, graphSecond}

// family tells Wan 2.2 from 2.1 by what only it has.
func (c configs) family() string {
	if c.Pipeline.Expand || c.Second != nil || c.VAE.IsResidual {
		return Family22
	}
	return Family21
}

// Recipe says what becomes of a checkpoint in the diffusers layout, of either family.
func Recipe(ckpt *weights.Checkpoint) (bundle.Recipe, error) {
	r := bundle.FromCheckpoint(Family21, ckpt)
	r.Precision, r.Transformers, r.Half, r.Because = string(quant.FP8), bearsFP16, "fp16", "this family is published to run in FP16"
	pipeline, err := pipelineConfig(ckpt)
	if err != nil {
		return r, err
	}
	if pipeline != nil {
		r.Configs[pipelinePart] = pipeline
	}
	dir := filepath.Join(ckpt.Dir, "tokenizer")
	tokenizer, err := text.Load(dir)
	if err != nil {
		return r, err
	}
	if err := describeWith(&r, tokenizer); err != nil {
		return r, err
	}
	if err := checkRecipe(r, tokenizer); err != nil {
		return r, err
	}
	r.Preset = func(r *bundle.Recipe, metadata map[string]string) error { return preset(r, metadata, tokenizer) }
	return r, nil
}

// checkRecipe refuses what would be built and then be of no use: parts of different models, and defaults that nobody could ask for.
func checkRecipe(r bundle.Recipe, tokenizer *text.Tokenizer) error {
	c, err := parseConfigs(r.Configs)
	if err != nil {
		return err
	}
	depths := []error{r.Depth(graphTransformer, "blocks.", c.Transformer.NumLayers), r.Depth("text_encoder", "encoder.block.", c.Text.NumLayers)}
	if c.Second != nil {
		depths = append(depths, r.Depth(graphSecond, "blocks.", c.Second.NumLayers))
	}
	if err := cmp.Or(append(depths, tokenizer.Within(c.Text.VocabSize))...); err != nil {
		return err
	}
	p := &Pipeline{c: c}
	if p.defaults, err = parseDefaults(c, r.Defaults); err != nil {
		return err
	}
	if p.defaults.MaxSequence < 1 {
		return invalid("the checkpoint's defaults cannot be asked for: max_sequence_length is %d: it must be at least 1", p.defaults.MaxSequence)
	}
	if err := handler.CheckDefaults(r.Schema); err != nil {
		return err
	}
	_, err = p.schedule(p.defaults.Steps, 0)
	return err
}

// describeWith fills in what follows from the configurations and defaults of a recipe.
func describeWith(r *bundle.Recipe, tokenizer *text.Tokenizer) error {
	c, err := parseConfigs(r.Configs)
	if err != nil {
		return err
	}
	r.Family = c.family()
	r.Adapts, r.Aliases = []string{graphTransformer}, loraNames
	if c.Second != nil {
		r.Adapts = append(r.Adapts, graphSecond)
	}
	p := &Pipeline{c: c, tokenizer: tokenizer}
	if p.defaults, err = parseDefaults(c, r.Defaults); err != nil {
		return err
	}
	r.Schema = handler.Schema(Model{Pipeline: p}.Describe())
	r.Graphs, r.Sizes = c.graphs(), c.sizes(p.defaults)
	r.Clip = bundle.ClipSize{Width: p.defaults.Width, Height: p.defaults.Height, Frames: p.defaults.Frames}
	return nil
}

// sizes are the dimensions of every graph for a clip.
func (c configs) sizes(d Defaults) func(bundle.ClipSize) map[string]map[string]int64 {
	return func(clip bundle.ClipSize) map[string]map[string]int64 {
		pixels, time := c.VAE.SpatialScale(), c.VAE.TemporalScale()
		height, width, frames := int64(clip.Height)/pixels, int64(clip.Width)/pixels, (int64(clip.Frames)-1)/time+1
		grid := c.Transformer.grid(frames, height, width)
		latent := map[string]int64{"height": height, "width": width, "frames": 1}
		video := map[string]int64{"height": int64(clip.Height) / c.VAE.Patch(), "width": int64(clip.Width) / c.VAE.Patch(), "frames": time}
		transformer := map[string]int64{"batch": 1, "patches": grid[0] * grid[1] * grid[2], "text": int64(d.MaxSequence), "times": 2}
		side := c.Image.ImageSize / max(c.Image.PatchSize, 1)
		transformer["image"] = side*side + 1
		return map[string]map[string]int64{
			graphText:        {"batch": 1, "tokens": int64(d.MaxSequence)},
			graphTransformer: transformer, graphSecond: transformer,
			graphDecodeFirst: latent, graphDecodeNext: latent, graphEncodeFirst: video, graphEncodeNext: video,
			graphImage: {"batch": 1},
		}
	}
}

// RandomRecipe is of a model of at least size bytes of float32 whose weights are noise: for measuring what does not depend on
// what a model has learnt. Tokenizer, text encoder, VAE and defaults are shaped as the checkpoint's; the transformer has eight
// layers, as wide as the size asks for.
func RandomRecipe(ckpt *weights.Checkpoint, size int64) (bundle.Recipe, error) {
	r, err := Recipe(ckpt)
	if err != nil {
		return r, err
	}
	c, err := parseConfigs(r.Configs)
	if err != nil {
		return r, err
	}
	c.Transformer.NumLayers = 8
	for c.Transformer.NumHeads = 1; c.Transformer.NumHeads <= 4096; c.Transformer.NumHeads++ {
		c.Transformer.FFNDim = 4 * c.Transformer.Dim()
		r.Graphs = c.graphs()
		if n, err := r.Randomise(); err != nil || 4*n >= size {
			r.Name, r.Precision = "random", bundle.None
			return r, setConfig(&r, "transformer", c.Transformer, err)
		}
	}
	return r, fmt.Errorf("no random bundle of %d bytes: choose a smaller size: %w", size, errdefs.ErrInvalidArgument)
}

func setConfig(r *bundle.Recipe, component string, c any, err error) error {
	if err != nil {
		return err
	}
	r.Configs[component], err = json.Marshal(c)
	return err
}
