package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/videosdgx/videosdgx/bench/gpu/random"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// graph is one of a model's as a bundle for CUDA has it, without weights.
func graph(g bundle.Graph, format string) (*onnx.Model, error) {
	o := nn.Options{}
	if format != "fp32" {
		o.Policy.Table = onnx.BFloat16
	}
	net, err := g.Build(o)
	if err != nil {
		return nil, err
	}
	m, err := net.Model()
	if err != nil {
		return nil, err
	}
	return m, formed(m, format)
}

// half are the graphs whose activations a bundle has in FP16 by default; those of all others are BF16.
var half = map[string]bool{"text_encoder": true, "connectors": true, "transformer": true}

// formed changes a graph into a format's: activations as a bundle has them by default, or in BF16 where the format ends in that.
func formed(m *onnx.Model, format string) error {
	o := fuse.Options{}
	if half[m.Graph.Name] && !strings.HasSuffix(format, "bf16") {
		o.Type = onnx.Float16
	}
	switch format {
	case "fp32":
		return nil
	case "bf16", "fp16":
		return fuse.CUDA(m, o)
	case "fp8", "fp8bf16":
		if err := fuse.Products(m); err != nil {
			return err
		}
		random.FP8(m, coded)
		o.Codes = true
		return fuse.CUDA(m, o)
	}
	return fmt.Errorf("format %q is none of fp32, fp16, bf16, fp8, fp8bf16", format)
}

// plain are the products of a block that stay BF16: gates, and those over the sound's 126 moments, which bundles keep so and which no
// FP8 product takes.
var plain = regexp.MustCompile(`gate_logits|\.audio_attn|\.audio_ff|audio_to_video_attn\.to_[kv]|video_to_audio_attn\.(to_q|to_out)`)

// coded tells the weights that become FP8: the video's, as the publisher's own FP8 checkpoints have it, all of its attention and
// feed-forward; and all of the text encoder's layers, as bundles have it. Connectors stay BF16.
func coded(weight string) bool {
	return strings.HasPrefix(weight, "transformer/transformer_blocks.") && !plain.MatchString(weight) || strings.HasPrefix(weight, "text_encoder/layers.")
}
