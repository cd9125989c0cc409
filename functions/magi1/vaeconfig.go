package magi1

import (
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

// VAEConfig is vae/config.json.
type VAEConfig struct {
	Coder VAECoder `json:"ddconfig"`
	Type  string   `json:"model_type"`
}

// VAECoder is the shape of encoder and decoder, which are vision transformers over patches.
type VAECoder struct {
	VideoSize   int64   `json:"video_size"` // pixels of the square that positions were learnt for
	VideoLength int64   `json:"video_length"`
	PatchSize   int64   `json:"patch_size"`
	PatchLength int64   `json:"patch_length"`
	InChannels  int64   `json:"in_chans"`
	ZChannels   int64   `json:"z_chans"`
	DoubleZ     *bool   `json:"double_z"`
	Dim         int64   `json:"embed_dim"`
	Depth       int64   `json:"depth"`
	Heads       int64   `json:"num_heads"`
	MLPRatio    float64 `json:"mlp_ratio"`
	QKVBias     *bool   `json:"qkv_bias"`
	ClassToken  *bool   `json:"with_cls_token"`
	NormCode    bool    `json:"norm_code"`
	NormInAttn  *bool   `json:"ln_in_attn"`
	ConvLast    *bool   `json:"conv_last_layer"`
	UseRope     bool    `json:"use_rope"`
	FinalProj   bool    `json:"use_final_proj"`
}

// WithDefaults fills what may be left out with the shape of the published VAE.
func (c VAEConfig) WithDefaults() VAEConfig {
	d := &c.Coder
	for _, v := range []struct {
		v   *int64
		def int64
	}{{&d.VideoSize, 256}, {&d.VideoLength, 16}, {&d.PatchSize, 8}, {&d.PatchLength, 4}, {&d.InChannels, 3}, {&d.ZChannels, 16}, {&d.Dim, 1024}, {&d.Depth, 24}, {&d.Heads, 16}} {
		if *v.v == 0 {
			*v.v = v.def
		}
	}
	if d.MLPRatio == 0 {
		d.MLPRatio = 4
	}
	return c
}

// Validate refuses what the graphs cannot express.
func (c VAEConfig) Validate() error {
	d := c.Coder
	if err := nn.CheckLayers("VAE", d.Depth); err != nil {
		return err
	}
	if err := nn.CheckSizes("VAE", d.VideoSize, d.VideoLength, d.PatchSize, d.PatchLength, d.ZChannels, d.Dim, d.Heads); err != nil {
		return err
	}
	if !(d.MLPRatio > 0 && d.MLPRatio <= 64) || d.hidden() < 1 {
		return fmt.Errorf("VAE with mlp_ratio %g; the published one has 4: %w", d.MLPRatio, errdefs.ErrInvalidArgument)
	}
	no := func(b *bool) bool { return b != nil && !*b }
	if c.Type != "" && c.Type != "vit" || d.NormCode || d.UseRope || d.FinalProj || no(d.DoubleZ) || no(d.QKVBias) || no(d.ClassToken) || no(d.NormInAttn) || no(d.ConvLast) {
		return fmt.Errorf("a VAE of another kind than the published one (vit, with class token, ln_in_attn and conv_last_layer, without rope): %w", errdefs.ErrNotImplemented)
	}
	if d.Dim%d.Heads != 0 || d.Dim%(d.patch()) != 0 || d.VideoSize%d.PatchSize != 0 || d.VideoLength%d.PatchLength != 0 || d.InChannels != 3 {
		return fmt.Errorf("VAE of %d values, %d heads and patches of %d×%d×%d does not divide: %w", d.Dim, d.Heads, d.PatchLength, d.PatchSize, d.PatchSize, errdefs.ErrInvalidArgument)
	}
	return nil
}

// patch is the number of pixels of a patch.
func (c VAECoder) patch() int64 { return c.PatchLength * c.PatchSize * c.PatchSize }

// grid is the number of patches that positions were learnt for: frames, rows, columns.
func (c VAECoder) grid() [3]int64 {
	side := c.VideoSize / c.PatchSize
	return [3]int64{c.VideoLength / c.PatchLength, side, side}
}
