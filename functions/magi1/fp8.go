package magi1

import (
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// checkFP8 refuses FP8 without its scales: the published FP8 checkpoints have them beside every such tensor, and without them the same
// codes are other numbers.
func checkFP8(c *weights.Component) error {
	if c == nil {
		return nil
	}
	for _, name := range c.Names() {
		info, err := c.Info(name)
		if err != nil {
			return err
		}
		if info.DType != weights.F8E4M3 && info.DType != weights.F8E5M2 {
			continue
		}
		layer, isWeight := strings.CutSuffix(name, ".weight")
		if !isWeight || info.DType == weights.F8E5M2 {
			return invalid("transformer: tensor %s is %s; only weights of linear layers are FP8 in the published checkpoints, as F8_E4M3: fetch it again", name, info.DType)
		}
		needed := []string{".weight_scale", ".input_scale"}
		if strings.HasSuffix(layer, ".linear_proj") || strings.HasSuffix(layer, ".linear_fc2") {
			needed = append(needed, ".smooth_scale")
		}
		for _, scale := range needed {
			if _, err := c.Info(layer + scale); err != nil {
				return invalid("transformer: tensor %s is FP8 and its scale %s is missing, so that its values are not known: fetch the checkpoint again, or take one in BF16", name, layer+scale)
			}
		}
	}
	return nil
}
