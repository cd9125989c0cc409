package ltx2

// released are the configurations of LTX-2 19B (2.0) by component, as the files of its checkpoint have them, with so many blocks of the
// transformer and layers of the text encoder: 48 and 48.
func released(blocks, layers int64) map[string]any {
	ones := func(n int, v any) (out []any) {
		for range n {
			out = append(out, v)
		}
		return out
	}
	return map[string]any{
		"scheduler": tinyForm()["scheduler"],
		"transformer": map[string]any{"in_channels": 128, "num_attention_heads": 32, "attention_head_dim": 128, "cross_attention_dim": 4096, "audio_in_channels": 128,
			"audio_num_attention_heads": 32, "audio_attention_head_dim": 64, "audio_cross_attention_dim": 2048, "num_layers": blocks, "qk_norm": "rms_norm_across_heads",
			"rope_type": "split", "caption_channels": 3840},
		"connectors": map[string]any{"caption_channels": 3840, "text_proj_in_factor": layers + 1, "video_connector_num_attention_heads": 30, "video_connector_attention_head_dim": 128,
			"video_connector_num_layers": 2, "video_connector_num_learnable_registers": 128, "audio_connector_num_attention_heads": 30, "audio_connector_attention_head_dim": 128,
			"audio_connector_num_layers": 2, "audio_connector_num_learnable_registers": 128, "rope_type": "split"},
		"vae": map[string]any{"latent_channels": 128, "block_out_channels": []int{256, 512, 1024, 2048}, "layers_per_block": []int{4, 6, 6, 2, 2}, "spatio_temporal_scaling": ones(4, true),
			"downsample_type": []string{"spatial", "temporal", "spatiotemporal", "spatiotemporal"}, "decoder_block_out_channels": []int{256, 512, 1024}, "decoder_layers_per_block": []int{5, 5, 5, 5},
			"decoder_spatio_temporal_scaling": ones(3, true), "upsample_residual": ones(3, true), "upsample_factor": ones(3, 2), "encoder_causal": true, "decoder_spatial_padding_mode": "reflect"},
		"audio_vae": map[string]any{"norm_type": "pixel", "causality_axis": "height"},
		"vocoder": map[string]any{"in_channels": 128, "hidden_channels": 1024, "out_channels": 2, "upsample_kernel_sizes": []int{16, 15, 8, 4, 4}, "upsample_factors": []int{6, 5, 2, 2, 2},
			"resnet_kernel_sizes": []int{3, 7, 11}, "resnet_dilations": [][]int{{1, 3, 5}, {1, 3, 5}, {1, 3, 5}}},
		"text_encoder": map[string]any{"text_config": map[string]any{"vocab_size": max(16384, 262208*layers/48), "hidden_size": 3840, "intermediate_size": 15360, "num_hidden_layers": layers,
			"num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 256, "sliding_window": 1024, "rope_scaling": map[string]any{"rope_type": "linear", "factor": 8}}},
	}
}
