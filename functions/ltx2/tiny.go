package ltx2

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/noise"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// WriteTiny writes a checkpoint of noise to a folder: every part of the published architecture, sound and the upsampler among them,
// small enough to make a clip in a moment. What it makes shows nothing and sounds like nothing; it is there to try what does not
// depend on what a model has learnt.
func WriteTiny(dir string) error {
	by, err := writeConfigs(dir, tinyForm(), 256) // whose tokens are characters
	if err != nil {
		return err
	}
	raw, err := json.Marshal(tinyTokenizer())
	if err != nil {
		return err
	}
	if err := write(filepath.Join(dir, "tokenizer", "tokenizer.json"), raw); err != nil {
		return err
	}
	return writeWeights(dir, by)
}

// tinyTokenizer is one of Gemma's kind that knows single characters, and every byte.
func tinyTokenizer() map[string]any {
	type object = map[string]any
	vocab, added := object{}, []object{}
	for id, content := range []string{"<pad>", "<eos>", "<bos>", "<unk>"} {
		vocab[content] = id
		added = append(added, object{"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true})
	}
	for b := range 256 {
		vocab[fmt.Sprintf("<0x%02X>", b)] = len(vocab)
	}
	vocab["▁"] = len(vocab)
	for c := '!'; c <= '~'; c++ {
		vocab[string(c)] = len(vocab)
	}
	start := object{"SpecialToken": object{"id": "<bos>", "type_id": 0}}
	return object{"version": "1.0", "added_tokens": added, "normalizer": object{"type": "Replace", "pattern": object{"String": " "}, "content": "▁"},
		"pre_tokenizer": object{"type": "Split", "pattern": object{"String": " "}, "behavior": "MergedWithPrevious", "invert": false},
		"post_processor": object{"type": "TemplateProcessing", "single": []object{start, {"Sequence": object{"id": "A", "type_id": 0}}},
			"special_tokens": object{"<bos>": object{"id": "<bos>", "ids": []int{2}, "tokens": []string{"<bos>"}}}},
		"model": object{"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true, "ignore_merges": false, "vocab": vocab, "merges": []any{}}}
}

// writeConfigs writes configurations by component, and model_index.json with defaults for prompts of so many tokens, and gives the former
// as JSON.
func writeConfigs(dir string, all map[string]any, tokens int) (by map[string]json.RawMessage, err error) {
	index := map[string]any{"_class_name": "LTX2Pipeline", "license": "Apache-2.0", "tokenizer": []string{"transformers", "GemmaTokenizer"},
		"defaults": map[string]any{"height": 64, "width": 96, "num_frames": 9, "frame_rate": 8, "num_inference_steps": 3, "max_sequence_length": tokens}}
	by = map[string]json.RawMessage{}
	for name, c := range all {
		if by[name], err = json.Marshal(c); err != nil {
			return nil, err
		}
		index[name] = []string{"ltx2", name}
		if err := write(filepath.Join(dir, name, "config.json"), by[name]); err != nil {
			return nil, err
		}
	}
	raw, err := json.Marshal(index)
	if err != nil {
		return nil, err
	}
	return by, write(filepath.Join(dir, "model_index.json"), raw)
}

func write(path string, raw []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o644)
}

// writeWeights writes noise for every weight that the graphs of configurations take, and statistics of the latents.
func writeWeights(dir string, by map[string]json.RawMessage) error {
	c, err := parseConfigs(by)
	if err != nil {
		return err
	}
	tensors := map[string]map[string]weights.Tensor{"vae": statisticsOf(c.VAE.Latent)}
	if c.hasSound {
		tensors["audio_vae"] = statisticsOf(c.Audio.width())
	}
	for _, g := range c.graphs() {
		net, err := g.Build(nn.Options{})
		if err != nil {
			return err
		}
		if tensors[g.Component] == nil {
			tensors[g.Component] = map[string]weights.Tensor{}
		}
		for _, p := range net.Params() {
			tensors[g.Component][p.Name] = weights.Float32Tensor(p.Name, p.Dims, drawn(g.Component+p.Name, p))
		}
	}
	for component, byName := range tensors {
		var list []weights.Tensor
		for _, name := range slices.Sorted(maps.Keys(byName)) {
			list = append(list, byName[name])
		}
		if err := weights.Write(filepath.Join(dir, component, "diffusion_pytorch_model.safetensors"), list, nil); err != nil {
			return err
		}
	}
	return nil
}

func statisticsOf(n int64) map[string]weights.Tensor {
	mean, std := noise.Normal(1, int(n)), make([]float32, n)
	for i := range std {
		std[i] = 0.5 + float32(i)/float32(n)
	}
	return map[string]weights.Tensor{"latents_mean": weights.Float32Tensor("latents_mean", []int64{n}, mean), "latents_std": weights.Float32Tensor("latents_std", []int64{n}, std)}
}

// drawn are values whose products neither vanish nor explode.
func drawn(name string, p nn.Param) []float32 {
	h := fnv.New64a()
	h.Write([]byte(name))
	v := noise.Normal(h.Sum64(), int(p.Elements()))
	scale := float32(0.7 / math.Sqrt(float64(p.Elements()/p.Dims[0])))
	for i := range v {
		v[i] *= scale
	}
	return v
}

// tinyForm are the configurations of a very small LTX-2.3 by component, as the files of a checkpoint have them, with an upsampler.
func tinyForm() map[string]any {
	return map[string]any{
		"scheduler": map[string]any{"_class_name": "FlowMatchEulerDiscreteScheduler", "use_dynamic_shifting": true, "base_shift": 0.95, "max_shift": 2.05, "base_image_seq_len": 1024,
			"max_image_seq_len": 4096, "shift_terminal": 0.1},
		"transformer": map[string]any{"in_channels": 8, "num_attention_heads": 2, "attention_head_dim": 16, "cross_attention_dim": 32, "audio_in_channels": 16,
			"audio_num_attention_heads": 2, "audio_attention_head_dim": 8, "audio_cross_attention_dim": 16, "num_layers": 2, "qk_norm": "rms_norm_across_heads", "rope_type": "split",
			"vae_scale_factors": []int{4, 16, 16}, "gated_attn": true, "audio_gated_attn": true, "cross_attn_mod": true, "audio_cross_attn_mod": true, "perturbed_attn": true,
			"use_prompt_embeddings": false},
		"connectors": map[string]any{"caption_channels": 32, "text_proj_in_factor": 3, "video_connector_num_attention_heads": 2, "video_connector_attention_head_dim": 16,
			"video_connector_num_layers": 1, "video_connector_num_learnable_registers": 8, "audio_connector_num_attention_heads": 2, "audio_connector_attention_head_dim": 8,
			"audio_connector_num_layers": 1, "audio_connector_num_learnable_registers": 8, "rope_type": "split", "per_modality_projections": true, "video_hidden_dim": 32,
			"audio_hidden_dim": 16, "proj_bias": true},
		"vae": map[string]any{"latent_channels": 8, "block_out_channels": []int{16, 16}, "layers_per_block": []int{1, 1, 1}, "spatio_temporal_scaling": []bool{true, true},
			"downsample_type": []string{"spatiotemporal", "spatiotemporal"}, "decoder_block_out_channels": []int{16, 16}, "decoder_layers_per_block": []int{1, 1, 1},
			"decoder_spatio_temporal_scaling": []bool{true, true}, "upsample_residual": []bool{false, false}, "upsample_factor": []int{1, 1}, "encoder_causal": true},
		"audio_vae": map[string]any{"base_channels": 8, "ch_mult": []int{1, 1, 1}, "num_res_blocks": 1, "latent_channels": 2, "mel_bins": 32, "norm_type": "pixel", "causality_axis": "height"},
		"vocoder": map[string]any{"in_channels": 64, "hidden_channels": 32, "out_channels": 2, "upsample_kernel_sizes": []int{16, 20}, "upsample_factors": []int{8, 10},
			"resnet_kernel_sizes": []int{3}, "resnet_dilations": [][]int{{1}}, "output_sampling_rate": 8000},
		"text_encoder": map[string]any{"model_type": "gemma3", "text_config": map[string]any{"vocab_size": 1600, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2,
			"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 16}},
		"latent_upsampler": map[string]any{"in_channels": 8, "mid_channels": 32, "num_blocks_per_stage": 1, "dims": 3},
	}
}
