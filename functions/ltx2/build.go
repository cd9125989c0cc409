package ltx2

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"sync"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
	"github.com/videosdgx/videosdgx/functions/inference/text"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Family is what the manifest of an LTX-2 bundle calls its model.
const Family = "ltx2"

// bearsFP16 are the components whose activations are FP16 on a GPU unless something else is asked for. What goes into their products is
// normed; what may be large, the residual stream, is float32, from which norms read it, or multiplied by a power of two, the text encoder's
// gated products.
var bearsFP16 = []string{"text_encoder", "connectors", "transformer"}

// Recipe says what becomes of a checkpoint in the diffusers layout.
func Recipe(ckpt *weights.Checkpoint) (bundle.Recipe, error) {
	r := bundle.FromCheckpoint(Family, ckpt)
	r.Precision, r.Blackwell = string(quant.NF4), string(quant.NVFP4)
	r.Transformers, r.Half, r.Because = bearsFP16, "fp16", "FP16 is within 2e-2 of the reference, BF16 is not"
	if r.License == nil {
		r.License = &weights.License{Name: "ltx-2-community-license", Link: "https://github.com/Lightricks/LTX-2/blob/main/LICENSE"}
	}
	c, err := parseConfigs(r.Configs)
	if err != nil {
		return r, err
	}
	if err := c.readStatistics(r.Weights); err != nil {
		return r, err
	}
	tokenizer, err := text.Load(filepath.Join(ckpt.Dir, "tokenizer"))
	if err != nil {
		return r, err
	}
	r.Keep, r.Adapts, r.Aliases = keep, []string{"transformer"}, loraNames
	if c.Upsampler != nil {
		r.Variants = []bundle.Variant{{Name: graphStageTwo, Of: c.transformer()}}
	}
	r.Preset = func(r *bundle.Recipe, metadata map[string]string) error { return preset(r, metadata, c, tokenizer) }
	if err := describe(&r, c, tokenizer); err != nil {
		return r, err
	}
	if err := checkRecipe(r, c, tokenizer); err != nil {
		return r, err
	}
	return r, c.keepStatistics(r.Configs)
}

// coded are the layers of a transformer's block that may become codes, as the publisher's own quantized checkpoints have it: the
// video's, and of the streams' meetings the sides that are wide. What the sound is made of suffers from codes.
var coded = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\.(attn1\.(to_q|to_k|to_v|to_out\.0)|attn2\.(to_q|to_out\.0)|audio_to_video_attn\.(to_q|to_out\.0)|video_to_audio_attn\.(to_k|to_v)|ff\.net\.0\.proj|ff\.net\.2)$`)
})

func keep(l nn.Linear) bool {
	return l.Component == "connectors" || l.Component == "transformer" && !coded().MatchString(l.Name)
}

// readStatistics takes those of the latents from the checkpoint's tensors.
func (c *configs) readStatistics(of func(component string) nn.Source) error {
	names := [2]string{"latents_mean", "latents_std"}
	if err := c.VAE.read(of("vae"), names, c.VAE.Latent); err != nil {
		return fmt.Errorf("vae: %w", err)
	}
	if !c.hasSound {
		return nil
	}
	if err := c.Audio.read(of("audio_vae"), names, c.Audio.width()); err != nil {
		return fmt.Errorf("audio_vae: %w", err)
	}
	return nil
}

// keepStatistics writes them into the configurations that the bundle has.
func (c configs) keepStatistics(by map[string]json.RawMessage) error {
	for component, s := range map[string]statistics{"vae": c.VAE.statistics, "audio_vae": c.Audio.statistics} {
		if by[component] == nil || s.Mean == nil {
			continue
		}
		all := map[string]any{}
		if err := json.Unmarshal(by[component], &all); err != nil {
			return err
		}
		all["latents_mean"], all["latents_std"], all["scaling_factor"] = s.Mean, s.Std, s.Scale
		raw, err := json.Marshal(all)
		if err != nil {
			return err
		}
		by[component] = raw
	}
	return nil
}

// checkStatistics refuses a bundle whose VAEs have none.
func (c configs) checkStatistics() error {
	if err := c.VAE.check(c.VAE.Latent); err != nil {
		return err
	}
	if c.hasSound {
		return c.Audio.check(c.Audio.width())
	}
	return nil
}

// sizes are the dimensions of every graph for a clip.
func (c configs) sizes(d Defaults) func(bundle.ClipSize) map[string]map[string]int64 {
	return func(clip bundle.ClipSize) map[string]map[string]int64 {
		pixels, time := c.VAE.SpatialScale(), c.VAE.TemporalScale()
		latent := map[string]int64{"batch": 1, "frames": (int64(clip.Frames)-1)/time + 1, "height": int64(clip.Height) / pixels, "width": int64(clip.Width) / pixels}
		half := map[string]int64{"batch": 1, "frames": latent["frames"], "height": max(latent["height"]/2, 1), "width": max(latent["width"]/2, 1)}
		moments, text := max(c.Transformer.moments(clip.Frames, d.FPS), 1), int64(d.MaxSequence)
		heard := max(c.heard(float64(clip.Frames)/d.FPS), moments)
		tokens := latent["frames"] * latent["height"] * latent["width"]
		return map[string]map[string]int64{
			graphText:         {"batch": 1, "tokens": text},
			graphConnectors:   {"batch": 1, "tokens": text, "text": text},
			graphEncode:       {"batch": 1, "frames": 1, "height": int64(clip.Height), "width": int64(clip.Width)},
			graphTransformer:  {"batch": 1, "video": tokens, "audio": moments, "text": text, "video_times": 1, "audio_times": 1, "video_cross_times": 1, "audio_cross_times": 1},
			graphUpsampler:    half,
			graphAudioDecoder: {"batch": 1, "frames": heard, "bins": c.Audio.Mels / c.Audio.Factor()},
			graphVocoder:      {"batch": 1, "channels": c.Audio.Out, "frames": (heard-1)*c.Audio.Factor() + 1, "bins": c.Audio.Mels},
			graphDecode:       latent,
		}
	}
}
