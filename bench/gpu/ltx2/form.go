package main

import (
	"encoding/binary"
	"fmt"
	"math"
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
		for i := range m.Graph.Nodes {
			coded(m, &m.Graph.Nodes[i])
		}
		return fuse.CUDA(m, fuse.Options{Codes: true})
	}
	return fmt.Errorf("format %q is none of fp32, bf16, fp8", format)
}

// plain are the products of a block that stay BF16: gates, and those over the sound's 126 moments, which bundles keep so and which no
// FP8 product takes.
var plain = regexp.MustCompile(`gate_logits|\.audio_attn|\.audio_ff|audio_to_video_attn\.to_[kv]|video_to_audio_attn\.(to_q|to_out)`)

// coded turns a block's product with BF16 weights into one with FP8 weights, a scale per output channel, as the publisher's own
// FP8 checkpoints have the video's: all of its attention and feed-forward.
func coded(m *onnx.Model, n *onnx.Node) {
	if n.Op != "QuantLinear" || !strings.Contains(n.Inputs[1], "transformer_blocks.") || plain.MatchString(n.Inputs[1]) {
		return
	}
	for i := range n.Attrs {
		if n.Attrs[i].Name == "format" {
			n.Attrs[i].S = "fp8"
		}
	}
	for i := range m.Graph.Initializers {
		if t := &m.Graph.Initializers[i]; t.Name == n.Inputs[1] {
			t.Dims = []int64{t.Dims[0], t.Dims[1] / 2}
			scale := make([]byte, 4*t.Dims[0])
			for j := 0; j < len(scale); j += 4 {
				binary.LittleEndian.PutUint32(scale[j:], math.Float32bits(random.Scale8))
			}
			n.Inputs[2] = strings.TrimSuffix(t.Name, ".codes") + ".scales"
			m.Graph.Initializers = append(m.Graph.Initializers, onnx.Tensor{Name: n.Inputs[2], Type: onnx.Float32, Dims: []int64{t.Dims[0]}, Raw: scale})
			return
		}
	}
}
