package ltx2

import (
	"cmp"
	"fmt"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/schedule"
	"github.com/videosdgx/videosdgx/functions/inference/text"
)

// checkRecipe refuses what would be built and then be of no use: parts of different models, defaults that nobody could ask for, and
// a scheduler that is not made here.
func checkRecipe(r bundle.Recipe, c configs, tokenizer *text.Tokenizer) error {
	return cmp.Or(checkDepths(r, c), tokenizer.Within(c.Text.VocabSize), handler.CheckDefaults(r.Schema), checkDefaults(r, c))
}

// checkDepths holds the blocks that configurations count to those of the weights.
func checkDepths(r bundle.Recipe, c configs) error {
	all := []error{
		r.Depth("transformer", "transformer_blocks.", c.Transformer.NumLayers),
		r.Depth("connectors", "video_connector.transformer_blocks.", c.Connectors.VideoLayers),
		r.Depth("connectors", "audio_connector.transformer_blocks.", c.Connectors.AudioLayers),
	}
	for _, prefix := range []string{"layers.", "model.layers.", "language_model.model.layers.", "model.language_model.layers.", "language_model.layers."} {
		all = append(all, r.Depth("text_encoder", prefix, c.Text.Layers))
	}
	return cmp.Or(all...)
}

// checkDefaults are those that no request's schema has, and whether the scheduler makes a schedule of them.
func checkDefaults(r bundle.Recipe, c configs) error {
	d, err := parseDefaults(r.Defaults, c)
	if err != nil {
		return err
	}
	for _, b := range d.Blocks {
		if b < 0 || b >= c.Transformer.NumLayers {
			return invalid("defaults of the bundle: spatio_temporal_guidance_blocks names block %d, the transformer has 0 to %d", b, c.Transformer.NumLayers-1)
		}
	}
	p, o := &Pipeline{c: c, defaults: d}, order{r: handler.Request{Steps: d.Steps}}
	cfg, opt := o.schedule(p, 1, 0)
	_, err = schedule.New(cfg, opt)
	return err
}

// countOf is such as "1 frame".
func countOf(frames int) string {
	if frames == 1 {
		return "1 frame"
	}
	return fmt.Sprint(frames, " frames")
}
