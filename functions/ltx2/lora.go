package ltx2

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/text"
)

// originals are the names of the publisher's own code for the transformer's modules, by those of diffusers; a module's own ending
// follows.
var originals = [][2]string{
	{"audio_proj_in", "audio_patchify_proj"}, {"proj_in", "patchify_proj"},
	{"audio_time_embed", "audio_adaln_single"}, {"time_embed", "adaln_single"},
	{"av_cross_attn_video_scale_shift", "av_ca_video_scale_shift_adaln_single"}, {"av_cross_attn_video_a2v_gate", "av_ca_a2v_gate_adaln_single"},
	{"av_cross_attn_audio_scale_shift", "av_ca_audio_scale_shift_adaln_single"}, {"av_cross_attn_audio_v2a_gate", "av_ca_v2a_gate_adaln_single"},
	{"audio_prompt_adaln", "audio_prompt_adaln_single"}, {"prompt_adaln", "prompt_adaln_single"},
}

// loraNames are the other names of a transformer's module in LoRA files.
func loraNames(module string) []string {
	for _, o := range originals {
		if rest, ok := strings.CutPrefix(module, o[0]); ok && (rest == "" || rest[0] == '.') {
			return []string{o[1] + rest}
		}
	}
	for own, other := range map[string]string{".norm_q": ".q_norm", ".norm_k": ".k_norm", ".to_out.0": ".to_out"} {
		if block, ok := strings.CutSuffix(module, own); ok {
			return []string{block + other}
		}
	}
	return nil
}

// eightStep names the published noise levels where a LoRA says how it distils, which may also be a list of them.
const eightStep = "8step"

// preset has a recipe make clips in the steps that a distilled LoRA was made for, without guidance.
func preset(r *bundle.Recipe, metadata map[string]string, c configs, tokenizer *text.Tokenizer) error {
	said := metadata[bundle.DistilledKey]
	if said == "" {
		return nil
	}
	sigmas := distilled
	if said != eightStep {
		sigmas = nil
		if err := json.Unmarshal([]byte(said), &sigmas); err != nil || !levels(sigmas) {
			return fmt.Errorf("distilled noise levels %q: %s would do, or a JSON list of numbers that fall from 1: %w", said, eightStep, errdefs.ErrInvalidArgument)
		}
	}
	all := map[string]any{}
	if len(r.Defaults) > 0 {
		if err := json.Unmarshal(r.Defaults, &all); err != nil {
			return fmt.Errorf("defaults of the checkpoint: %w: %w", err, errdefs.ErrInvalidArgument)
		}
	}
	all["sigmas"] = sigmas
	for name, neutral := range map[string]float64{"guidance_scale": 1, "audio_guidance_scale": 1, "stg_scale": 0, "audio_stg_scale": 0, "modality_scale": 1, "audio_modality_scale": 1,
		"guidance_rescale": 0, "audio_guidance_rescale": 0} {
		all[name] = neutral
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return err
	}
	r.Defaults = raw
	return describe(r, c, tokenizer)
}

// levels says whether noise levels fall, from 1 at most to more than 0.
func levels(v []float64) bool {
	for i, s := range v {
		if s <= 0 || s > 1 || i > 0 && s >= v[i-1] {
			return false
		}
	}
	return len(v) > 0
}

// describe has a recipe say what its defaults make of a request.
func describe(r *bundle.Recipe, c configs, tokenizer *text.Tokenizer) (err error) {
	p := &Pipeline{c: c, tokenizer: tokenizer}
	if p.defaults, err = parseDefaults(r.Defaults, c); err != nil {
		return err
	}
	r.Schema = handler.Schema(Model{Pipeline: p}.Describe())
	r.Graphs, r.Sizes = c.graphs(), c.sizes(p.defaults)
	r.Clip = bundle.ClipSize{Width: p.defaults.Width, Height: p.defaults.Height, Frames: p.defaults.Frames}
	return nil
}
