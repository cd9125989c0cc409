package ltx2

import (
	"fmt"

	"github.com/containerd/errdefs"
)

// ConnectorsConfig is connectors/config.json.
type ConnectorsConfig struct {
	CaptionChannels int64 `json:"caption_channels"`
	Layers          int64 `json:"text_proj_in_factor"` // hidden states of the text encoder, the embedding's among them

	VideoHeads     int64  `json:"video_connector_num_attention_heads"`
	VideoHeadDim   int64  `json:"video_connector_attention_head_dim"`
	VideoLayers    int64  `json:"video_connector_num_layers"`
	VideoRegisters *int64 `json:"video_connector_num_learnable_registers"`
	VideoGated     bool   `json:"video_gated_attn"`
	AudioHeads     int64  `json:"audio_connector_num_attention_heads"`
	AudioHeadDim   int64  `json:"audio_connector_attention_head_dim"`
	AudioLayers    int64  `json:"audio_connector_num_layers"`
	AudioRegisters *int64 `json:"audio_connector_num_learnable_registers"`
	AudioGated     bool   `json:"audio_gated_attn"`

	BaseLength  int64   `json:"connector_rope_base_seq_len"`
	Theta       float64 `json:"rope_theta"`
	Rope        string  `json:"rope_type"`
	PerModality bool    `json:"per_modality_projections"` // 2.3 and later
	VideoDim    int64   `json:"video_hidden_dim"`
	AudioDim    int64   `json:"audio_hidden_dim"`
	ProjBias    bool    `json:"proj_bias"`
}

// WithDefaults fills what the file may leave out with the defaults of diffusers.
func (c ConnectorsConfig) WithDefaults() ConnectorsConfig {
	if c.BaseLength == 0 {
		c.BaseLength = 4096
	}
	if c.Theta == 0 {
		c.Theta = 10000
	}
	if c.Rope == "" {
		c.Rope = ropeInterleaved
	}
	return c
}

// Registers is the number of learnt tokens that take the places of padding, 0 where there are none.
func (c ConnectorsConfig) Registers() int64 {
	if c.VideoRegisters == nil {
		return 0
	}
	return *c.VideoRegisters
}

// Validate refuses configurations that the graph cannot express.
func (c ConnectorsConfig) Validate() error {
	for name, v := range map[string]int64{
		"caption_channels": c.CaptionChannels, "text_proj_in_factor": c.Layers, "video_connector_num_attention_heads": c.VideoHeads,
		"video_connector_attention_head_dim": c.VideoHeadDim, "audio_connector_num_attention_heads": c.AudioHeads, "audio_connector_attention_head_dim": c.AudioHeadDim,
	} {
		if v <= 0 {
			return fmt.Errorf("LTX-2 connectors: %s is missing or not positive: %w", name, errdefs.ErrInvalidArgument)
		}
	}
	video, audio := c.VideoHeads*c.VideoHeadDim, c.AudioHeads*c.AudioHeadDim
	switch {
	case (c.VideoRegisters == nil) != (c.AudioRegisters == nil) || (c.VideoRegisters != nil && *c.VideoRegisters != *c.AudioRegisters):
		return fmt.Errorf("LTX-2 connectors: video and sound have different numbers of registers: %w", errdefs.ErrNotImplemented)
	case c.VideoRegisters != nil && *c.VideoRegisters <= 0:
		return fmt.Errorf("LTX-2 connectors: %d registers: %w", *c.VideoRegisters, errdefs.ErrInvalidArgument)
	case c.PerModality && (c.VideoDim != video || c.AudioDim != audio):
		return fmt.Errorf("LTX-2 connectors: projections to %d and %d, connectors of %d and %d: %w", c.VideoDim, c.AudioDim, video, audio, errdefs.ErrInvalidArgument)
	case !c.PerModality && (video != c.CaptionChannels || audio != c.CaptionChannels):
		return fmt.Errorf("LTX-2 connectors of %d and %d after a projection to %d: %w", video, audio, c.CaptionChannels, errdefs.ErrInvalidArgument)
	}
	return nil
}
