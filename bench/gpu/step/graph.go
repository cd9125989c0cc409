package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/wan21"
)

// shapes are the published transformers of Wan 2.1.
var shapes = map[string]wan21.TransformerConfig{
	"1.3b": {NumHeads: 12, HeadDim: 128, InChannels: 16, OutChannels: 16, TextDim: 4096, FFNDim: 8960, NumLayers: 30},
	"14b":  {NumHeads: 40, HeadDim: 128, InChannels: 16, OutChannels: 16, TextDim: 4096, FFNDim: 13824, NumLayers: 40},
}

// All weights come from one row of random numbers, in each format's own type: a weight starts at a place in the row that its
// name says, so that the formats hold the same weights. What a product costs depends on its operands' being random, not on
// their differing from layer to layer; every layer still has its own copy on the device.
const (
	row    = 4 << 20  // numbers, then they repeat
	starts = 64       // places that a weight may start at
	spread = 32 << 10 // numbers between them
	sigma  = .02      // standard deviation
	scale8 = 5.5 * sigma / 448
)

// pool is a file of the row in one type, times scale, plus mean.
type pool struct {
	name        string
	dtype       weights.DType
	scale, mean float32
	bytes       int64 // the most that a weight asked for
}

func pools() map[string]*pool {
	return map[string]*pool{
		"weight": {name: "f32.bin", dtype: weights.F32, scale: sigma},
		"gain":   {name: "gain.bin", dtype: weights.F32, scale: sigma, mean: 1},
		"bf16":   {name: "bf16.bin", dtype: weights.BF16, scale: sigma},
		"fp8":    {name: "fp8.bin", dtype: weights.F8E4M3, scale: sigma / scale8},
	}
}

// kind is the pool that a weight comes from.
func kind(t *onnx.Tensor, format map[string]string) string {
	switch {
	case strings.HasSuffix(t.Name, ".codes"):
		return format[t.Name]
	case len(t.Dims) == 1 && strings.Contains(t.Name, "norm") && strings.HasSuffix(t.Name, ".weight"):
		return "gain"
	}
	return "weight"
}

// start is where in the row a weight begins.
func start(name string) int64 {
	h := fnv.New32()
	h.Write([]byte(strings.TrimSuffix(name, ".codes")))
	return int64(h.Sum32()%starts) * spread
}

func (p *pool) place(t *onnx.Tensor) {
	size := int64(map[weights.DType]int{weights.F32: 4, weights.BF16: 2, weights.F8E4M3: 1}[p.dtype])
	x := &onnx.External{Location: p.name, Offset: start(t.Name) * size, Length: t.Bytes()}
	p.bytes = max(p.bytes, x.Offset+x.Length)
	t.External, t.Content, t.Raw = x, nil, nil
}

// write builds the transformer in a format and stores it below dir with random weights.
func write(dir, format string, c wan21.TransformerConfig) (path string, err error) {
	m, err := build(format, c)
	if err != nil {
		return "", err
	}
	formats := map[string]string{}
	for _, n := range m.Graph.Nodes {
		for _, in := range n.Inputs {
			if strings.HasSuffix(in, ".codes") {
				formats[in] = attrText(n, "format")
			}
		}
	}
	all := pools()
	for i := range m.Graph.Initializers {
		if t := &m.Graph.Initializers[i]; t.Content != nil {
			all[kind(t, formats)].place(t)
		}
	}
	for _, p := range all {
		if err := p.write(dir); err != nil {
			return "", err
		}
	}
	raw, err := m.Encode()
	path = filepath.Join(dir, "transformer.onnx")
	return path, errors.Join(err, os.WriteFile(path, raw, 0o600))
}

func attrText(n onnx.Node, name string) string {
	for _, a := range n.Attrs {
		if a.Name == name {
			return a.S
		}
	}
	return ""
}

func (p *pool) write(dir string) error {
	if p.bytes == 0 {
		return nil
	}
	r, values := rand.New(rand.NewPCG(1, 2)), make([]float32, row)
	for i := range values {
		values[i] = p.mean + p.scale*max(-5, min(5, float32(r.NormFloat64())))
	}
	unit, err := weights.Encode(p.dtype, values)
	if err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, p.name))
	if err != nil {
		return err
	}
	for left := p.bytes; left > 0 && err == nil; left -= int64(len(unit)) {
		_, err = f.Write(unit[:min(left, int64(len(unit)))])
	}
	return errors.Join(err, f.Close())
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
	if format == "fp8" {
		if err := fuse.Products(m); err != nil {
			return nil, err
		}
		for i := range m.Graph.Nodes {
			coded(m, &m.Graph.Nodes[i])
		}
	} else if format != "bf16" {
		return nil, fmt.Errorf("format %q is none of fp32, bf16, fp8", format)
	}
	return m, fuse.CUDA(m, fuse.Options{Codes: format == "fp8"})
}

// coded turns a product with BF16 weights inside the blocks into one with FP8 weights, a scale per output channel; what
// stands outside of the blocks stays BF16, as published FP8 checkpoints have it.
func coded(m *onnx.Model, n *onnx.Node) {
	if n.Op != "QuantLinear" || !strings.Contains(n.Inputs[1], "/blocks.") {
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
				binary.LittleEndian.PutUint32(scale[j:], math.Float32bits(scale8))
			}
			n.Inputs[2] = strings.TrimSuffix(t.Name, ".codes") + ".scales"
			m.Graph.Initializers = append(m.Graph.Initializers, onnx.Tensor{Name: n.Inputs[2], Type: onnx.Float32, Dims: []int64{t.Dims[0]}, Raw: scale})
			return
		}
	}
}
