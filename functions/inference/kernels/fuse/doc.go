// Package fuse rewrites a graph as nn builds it, standard operators in float32, into the form that runs on a GPU: products in
// BF16, FP16 or FP8 codes, one pass over memory where the formula has several (norm with modulation and the residual sum before it,
// RMS norm with rotary embedding, bias with GELU), the library's fused attention, and conversions where the two kinds meet.
//
// Norms, modulation, softmax, the residual stream, the last product and whatever has no tokens (the time embedding) are float32.
// Inputs and outputs of the graph keep their types: conversions happen inside, on the device. What goes
// beyond FP16 becomes an infinity and then no number, which a clip fails of; only an autoencoder's sums are saturated.
// A weight that FP16 does not hold, too large (quantized ones too) or all too small, is refused when the bundle is built.
//
// The operators of the domain ai.videosdgx are those of kernels/cuda; QuantLinear, ClipConv and LastNorm the CPU has too, but for frames
// that are repeated, pictures that are mirrored, results that are scaled and norms by a mean, which its graphs keep as they were built.
package fuse

import (
	"fmt"
	"slices"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Domain is the domain of the project's own operators.
const Domain = "ai.videosdgx"

// Options say what becomes of a graph.
type Options struct {
	// Type is that of activations between the fused operators: onnx.BFloat16 (the zero value; an autoencoder's are FP16),
	// onnx.Float16, or onnx.Float32, which fuses what stands between the products and leaves the products as they are.
	Type onnx.DType
	// Stream is the type of the residual stream, which the blocks of a transformer add to: onnx.Float32, whatever Type is, or
	// onnx.BFloat16 beside activations in BF16. A float32 stream is two bytes a value more, read and written by each norm. The zero
	// value is float32, but BF16 beside activations in BF16 where products take codes, which round sixteen times as coarsely.
	Stream onnx.DType
	// Codes multiplies FP8 weights by activations in FP8 too. Without it their products are of Type.
	Codes bool
}

// CPU rewrites an autoencoder's graph in place into the form that the CPU's operators take: its clips with their channels innermost,
// all in float32. A graph that has no norm over the channels of a clip stays as it is.
func CPU(m *onnx.Model) error {
	g := newGraph(m, Options{Type: onnx.Float32})
	g.host = true
	g.channelNorms()
	g.compact()
	if !g.autoencoder() {
		return nil
	}
	g.channelsLast()
	if err := g.sort(); err != nil {
		return err
	}
	g.store()
	return nil
}

// CUDA rewrites m in place.
func CUDA(m *onnx.Model, o Options) error {
	if o.Type == 0 {
		o.Type = onnx.BFloat16
	}
	if o.Stream != 0 && o.Stream != onnx.Float32 && o.Stream != o.Type || o.Stream == onnx.Float16 {
		return fmt.Errorf("fuse: a residual stream of type %d beside activations of type %d: float32 would do", o.Stream, o.Type)
	}
	g := newGraph(m, o)
	for _, pass := range []func(){g.pixelNorms, g.lowered, g.attention, g.linears, g.gelus, g.finals, g.streamNorms, g.rms, g.norms, g.residuals, g.fits, g.codes, g.channelNorms, g.narrow, g.doubles, g.channelsLast, g.states} {
		pass()
		g.compact()
	}
	if o.Stream == 0 {
		g.o.Stream = g.usualStream()
	}
	if err := g.types(); err != nil {
		return err
	}
	if err := g.sort(); err != nil {
		return err
	}
	g.dropUnread()
	g.store()
	return nil
}

// usualStream is the type of the residual stream where the options leave it open.
func (g *graph) usualStream() onnx.DType {
	if g.o.Type == onnx.BFloat16 && slices.ContainsFunc(g.nodes, func(n onnx.Node) bool { return g.is(&n, codeLinear) }) {
		return onnx.BFloat16
	}
	return onnx.Float32
}
