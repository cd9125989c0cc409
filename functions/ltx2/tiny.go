package ltx2

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
