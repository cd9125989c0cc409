package waver

import (
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

// TransformerConfig is transformer/config.json.
type TransformerConfig struct {
	Dual        int64   `json:"num_dual_layers"`   // with weights of its own for each stream
	Single      int64   `json:"num_single_layers"` // with one set for both
	NumHeads    int64   `json:"num_attention_heads"`
	HeadDim     int64   `json:"attention_head_dim"`
	InChannels  int64   `json:"in_channels"` // latent, image and mask
	OutChannels int64   `json:"out_channels"`
	PatchSize   []int64 `json:"patch_size"`
	T5Dim       int64   `json:"t5_dim"`
	QwenDim     int64   `json:"qwen_dim"`
	FreqDim     int64   `json:"freq_dim"`
	MLPRatio    int64   `json:"mlp_ratio"`
	Eps         float64 `json:"eps"`
	// Positions that the learned embedding has along each axis, in patches.
	MaxFrames int64 `json:"max_frames"`
	MaxHeight int64 `json:"max_height"`
	MaxWidth  int64 `json:"max_width"`
}

// Published is the configuration of the paper; what it does not say is assumed.
func Published() TransformerConfig {
	return TransformerConfig{Dual: 16, Single: 40, NumHeads: 24, HeadDim: 128, InChannels: 36, OutChannels: 16, T5Dim: 4096, QwenDim: 5120}.WithDefaults()
}

// Dim is the width of the residual streams.
func (c TransformerConfig) Dim() int64 { return c.NumHeads * c.HeadDim }

// WithDefaults fills what the file may leave out.
func (c TransformerConfig) WithDefaults() TransformerConfig {
	for _, d := range []struct {
		to    *int64
		value int64
	}{{&c.FreqDim, 256}, {&c.MLPRatio, 4}, {&c.MaxFrames, 64}, {&c.MaxHeight, 128}, {&c.MaxWidth, 128}} {
		if *d.to == 0 {
			*d.to = d.value
		}
	}
	if c.PatchSize == nil {
		c.PatchSize = []int64{1, 2, 2}
	}
	if c.Eps == 0 {
		c.Eps = 1e-6
	}
	return c
}

// Validate refuses configurations that the graph cannot express.
func (c TransformerConfig) Validate() error {
	if len(c.PatchSize) != 3 {
		return fmt.Errorf("Waver: patch_size %v does not have three numbers: %w", c.PatchSize, errdefs.ErrInvalidArgument)
	}
	for _, n := range []int64{c.Dual, c.Single} {
		if err := nn.CheckLayers("Waver transformer", n); err != nil {
			return err
		}
	}
	if err := nn.CheckSizes("Waver transformer", append([]int64{c.NumHeads, c.HeadDim, c.InChannels, c.OutChannels, c.T5Dim, c.QwenDim, c.FreqDim, c.MLPRatio, c.MaxFrames, c.MaxHeight, c.MaxWidth}, c.PatchSize...)...); err != nil {
		return err
	}
	if c.Eps < 0 {
		return fmt.Errorf("Waver: eps %g is negative: %w", c.Eps, errdefs.ErrInvalidArgument)
	}
	if c.HeadDim%2 != 0 || c.FreqDim%2 != 0 || c.HeadDim < 6 {
		return fmt.Errorf("Waver: heads of %d and frequencies of %d: both must be even, heads at least 6: %w", c.HeadDim, c.FreqDim, errdefs.ErrInvalidArgument)
	}
	return nil
}

func (c TransformerConfig) patchVolume() int64 {
	return c.PatchSize[0] * c.PatchSize[1] * c.PatchSize[2]
}

// grid is the number of patches along frames, height and width of a latent.
func (c TransformerConfig) grid(frames, height, width int64) [3]int64 {
	return [3]int64{frames / c.PatchSize[0], height / c.PatchSize[1], width / c.PatchSize[2]}
}

// ropeTheta and the split of a head among the axes are Wan's: the paper names neither.
const ropeTheta = 10000

// rotary are the tables of text tokens, which are not turned, and then of a grid of patches: [1, text+patches, head/2].
func (c TransformerConfig) rotary(grid [3]int64, text int64) (cos, sin engine.Tensor) {
	side := 2 * (c.HeadDim / 6)
	co, si := nn.RotaryTables(ropeTheta, nn.RotaryAxis{Dim: c.HeadDim - 2*side, Size: grid[0]}, nn.RotaryAxis{Dim: side, Size: grid[1]}, nn.RotaryAxis{Dim: side, Size: grid[2]})
	half := c.HeadDim / 2
	one, zero := make([]float32, text*half), make([]float32, text*half)
	for i := range one {
		one[i] = 1
	}
	rows := text + grid[0]*grid[1]*grid[2]
	return engine.Floats(append(one, co...), 1, rows, half), engine.Floats(append(zero, si...), 1, rows, half)
}

// positions are the rows of the learned tables for every patch: [patches] for each axis.
func (c TransformerConfig) positions(grid [3]int64) (frames, rows, columns []int64) {
	for t := range grid[0] {
		for y := range grid[1] {
			for x := range grid[2] {
				frames, rows, columns = append(frames, t), append(rows, y), append(columns, x)
			}
		}
	}
	return frames, rows, columns
}
