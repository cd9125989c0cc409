package main

import (
	"fmt"
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

// write builds the transformer in a format and stores it below dir with random weights.
func write(dir, format string, c wan21.TransformerConfig) (path string, err error) {
	m, err := build(format, c)
	if err != nil {
		return "", err
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
	case "fp8": // activations as a bundle has them by default
		if err := fuse.Products(m); err != nil {
			return nil, err
		}
		random.FP8(m, inBlocks)
		o.Codes = true
	case "bf16":
		o.Type = onnx.BFloat16
	case "fp16":
	default:
		return nil, fmt.Errorf("format %q is none of fp32, bf16, fp16, fp8", format)
	}
	return m, fuse.CUDA(m, o)
}

// inBlocks tells the weights that become FP8: what stands outside of the blocks keeps 16 bits, as published FP8 checkpoints have it.
func inBlocks(weight string) bool { return strings.Contains(weight, "/blocks.") }
