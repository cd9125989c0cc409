package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/videosdgx/videosdgx/bench/gpu/random"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// formed is the graph as a bundle for CUDA has it.
func formed(m *onnx.Model, format string) error {
	switch format {
	case "fp32":
		return nil
	case "bf16":
		return fuse.CUDA(m, fuse.Options{})
	case "fp8":
		if err := fuse.Products(m); err != nil {
			return err
		}
		random.FP8(m, video)
		return fuse.CUDA(m, fuse.Options{Codes: true})
	}
	return fmt.Errorf("format %q is none of fp32, bf16, fp8", format)
}

// plain are the products of a block that stay BF16: gates, and those over the sound's 126 moments, which bundles keep so and which no
// FP8 product takes.
var plain = regexp.MustCompile(`gate_logits|\.audio_attn|\.audio_ff|audio_to_video_attn\.to_[kv]|video_to_audio_attn\.(to_q|to_out)`)

// video tells the weights that become FP8, as the publisher's own FP8 checkpoints have the video's: all of its attention and
// feed-forward.
func video(weight string) bool {
	return strings.Contains(weight, "transformer_blocks.") && !plain.MatchString(weight)
}
