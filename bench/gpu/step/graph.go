package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/videosdgx/videosdgx/bench/gpu/random"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/wan21"
)

// shapes are the published transformers of Wan 2.1.
var shapes = map[string]wan21.TransformerConfig{
	"1.3b": {NumHeads: 12, HeadDim: 128, InChannels: 16, OutChannels: 16, TextDim: 4096, FFNDim: 8960, NumLayers: 30},
	"14b":  {NumHeads: 40, HeadDim: 128, InChannels: 16, OutChannels: 16, TextDim: 4096, FFNDim: 13824, NumLayers: 40},
}

// kind is a form of the transformer: the format of its weights and products, and its attention.
type kind struct{ format, attention string }

// String is "fp16", or "fp16_int8" where the attention is another than bundles have by default.
func (k kind) String() string {
	if k.attention == "auto" {
		return k.format
	}
	return k.format + "_" + k.attention
}

// forms has FP8 with both kinds of activations.
func forms(formats []string) (all []string) {
	for _, f := range formats {
		if all = append(all, f); f == "fp8" && !slices.Contains(formats, "fp8bf16") {
			all = append(all, "fp8bf16")
		}
	}
	return all
}

func kinds(formats, attentions []string) (all []kind) {
	for _, a := range attentions {
		for _, f := range formats {
			all = append(all, kind{f, a})
		}
	}
	return all
}

// write builds the transformer in a form and stores it below dir with random weights.
func write(dir string, k kind, c wan21.TransformerConfig, capability int) (path string, err error) {
	m, err := build(k.format, c)
	if err != nil {
		return "", err
	}
	scores, ok := map[string]fuse.Scores{"auto": fuse.Auto, "exact": fuse.Exact, "int8": fuse.INT8, "library": "", "cross": fuse.Exact}[k.attention]
	if !ok {
		return "", fmt.Errorf("attention %q is none of auto, exact, int8, library, cross", k.attention)
	}
	var few fuse.Few
	if k.attention == "cross" {
		few = fuse.Few{Most: textTokens, Sizes: map[string]int64{"text": textTokens}}
	}
	if n := fuse.Attend(m, capability, scores, few); n == 0 && scores != "" && k.attention != "auto" && k.format != "fp32" {
		return "", fmt.Errorf("no attention of it can be %s: the GPU has compute capability %d.%d, the operator is for 9.0", k.attention, capability/10, capability%10)
	}
	return random.Store(dir, "transformer.onnx", m)
}

// build is the graph as a bundle for CUDA has it.
func build(format string, c wan21.TransformerConfig) (*onnx.Model, error) {
	net, err := wan21.Transformer(c, nn.Options{})
	if err != nil {
		return nil, err
	}
	m, err := net.Model()
	if err != nil || format == "fp32" {
		return m, err
	}
	o := fuse.Options{Type: onnx.Float16}
	switch format {
	case "fp8", "fp8bf16": // activations as a bundle has them by default, and as one built with --activations bf16
		if err := fuse.Products(m); err != nil {
			return nil, err
		}
		random.FP8(m, inBlocks)
		o.Codes = true
		if format == "fp8bf16" {
			o.Type = onnx.BFloat16
		}
	case "bf16":
		o.Type = onnx.BFloat16
	case "fp16":
	default:
		return nil, fmt.Errorf("format %q is none of fp32, bf16, fp16, fp8, fp8bf16", format)
	}
	return m, fuse.CUDA(m, o)
}

// inBlocks tells the weights that become FP8: what stands outside of the blocks keeps 16 bits, as published FP8 checkpoints have it.
func inBlocks(weight string) bool { return strings.Contains(weight, "/blocks.") }
