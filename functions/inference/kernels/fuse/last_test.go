package fuse_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
)

func (w *writer) outward(v string) {
	w.op("Transpose", []string{v}, []string{v + "/first"}, onnx.Ints("perm", 0, 4, 1, 2, 3))
}

func (w *writer) inward(v, name string) {
	w.op("Transpose", []string{v}, []string{name}, onnx.Ints("perm", 0, 2, 3, 4, 1))
}

// clipConv writes one out: everything with the channels in front, the frames before joined or padded, the sum behind.
func (w *writer) clipConv(n onnx.Node) {
	get := func(name string) int64 {
		i := slices.IndexFunc(n.Attrs, func(a onnx.Attr) bool { return a.Name == name })
		if i < 0 {
			return 0
		}
		return n.Attrs[i].I
	}
	name, x := n.Outputs[0], n.Inputs[0]
	if get("double") == 1 {
		w.op("Resize", []string{x, "", "scales.clip"}, []string{name + "/doubled"},
			onnx.Str("mode", "nearest"), onnx.Str("coordinate_transformation_mode", "asymmetric"), onnx.Str("nearest_mode", "floor"))
		x = name + "/doubled"
	}
	before := get("before")
	if len(n.Inputs) > 3 && n.Inputs[3] != "" {
		w.op("Concat", []string{n.Inputs[3], x}, []string{name + "/joined"}, onnx.Int("axis", 1))
		x, before = name+"/joined", 0
	}
	if len(n.Outputs) > 1 {
		from := x
		if before > 0 {
			w.op("Pad", []string{x, fmt.Sprintf("front.%d", before)}, []string{name + "/padded"})
			from = name + "/padded"
		}
		w.op("Slice", []string{from, fmt.Sprintf("minus.%d", get("carry")), "far", "out.axis"}, n.Outputs[1:])
	}
	w.op("Transpose", []string{x}, []string{name + "/moved"}, onnx.Ints("perm", 0, 4, 1, 2, 3))
	weight := n.Inputs[1] + "/" + name
	w.op("Transpose", []string{n.Inputs[1]}, []string{weight}, onnx.Ints("perm", 0, 2, 1))
	w.op("Reshape", []string{weight, fmt.Sprintf("kernel.%d.%d.%d", get("kernel_t"), get("kernel_h"), get("kernel_w"))}, []string{weight + "/cube"})
	w.op("Conv", []string{name + "/moved", weight + "/cube", n.Inputs[2]}, []string{name + "/conv"},
		onnx.Ints("kernel_shape", get("kernel_t"), get("kernel_h"), get("kernel_w")), onnx.Ints("strides", get("stride_t"), get("stride_h"), get("stride_w")),
		onnx.Ints("pads", before, get("top"), get("left"), 0, get("bottom"), get("right")))
	out := name
	if len(n.Inputs) > 4 {
		out = name + "/alone"
	}
	w.inward(name+"/conv", out)
	if len(n.Inputs) > 4 {
		w.op("Add", []string{out, n.Inputs[4]}, []string{name})
	}
}

// constants are what written-out convolutions take.
func constants(m *onnx.Model) {
	add := func(name string, dims []int64, v ...int64) {
		var raw []byte
		for _, x := range v {
			raw = binary.LittleEndian.AppendUint64(raw, uint64(x))
		}
		m.Graph.Initializers = append(m.Graph.Initializers, onnx.Tensor{Name: name, Type: onnx.Int64, Dims: dims, Raw: raw})
	}
	one := []int64{1}
	add("far", one, 1<<62)
	for _, n := range []int64{1, 2} {
		add(fmt.Sprintf("minus.%d", n), one, -n)
		add(fmt.Sprintf("front.%d", n), []int64{10}, 0, n, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	for _, k := range [][3]int64{{1, 1, 1}, {3, 3, 3}, {1, 3, 3}, {3, 1, 1}} {
		add(fmt.Sprintf("kernel.%d.%d.%d", k[0], k[1], k[2]), []int64{5}, 0, 0, k[0], k[1], k[2])
	}
	m.Graph.Initializers = append(m.Graph.Initializers, onnx.Tensor{Name: "scales.clip", Type: onnx.Float32, Dims: []int64{5}, Raw: nn.Bytes([]float32{1, 1, 2, 2, 1})})
}

// coder is one graph of an autoencoder whose levels have base and thrice twice as many channels, with random weights.
func coder(t *testing.T, base int64, decoder, first bool) *onnx.Model {
	t.Helper()
	build := vae.Encoder
	if decoder {
		build = vae.Decoder
	}
	c := vae.Config{BaseDim: base, DimMult: []int64{1, 2, 2, 2}, NumResBlocks: 1, ZDim: 16, TemporalDownsample: []bool{false, true, true}}
	net, err := build(c, first, nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := net.Model()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, 6))
	for i := range m.Graph.Initializers {
		if w := &m.Graph.Initializers[i]; w.Content != nil {
			v := make([]float32, w.Elements())
			for j := range v {
				v[j] = float32(r.NormFloat64() / math.Sqrt(4.5*float64(base)))
			}
			w.Content = func(to io.Writer) error { _, err := to.Write(nn.Bytes(v)); return err }
		}
	}
	return m
}

// TestChannelsInnermostMeanTheSame runs both graphs of decoder and encoder over a clip, states carried, as they are built and with
// channels innermost, every operator of ours written out.
func TestChannelsInnermostMeanTheSame(t *testing.T) {
	for _, decoder := range []bool{true, false} {
		var want, got []float32
		var seen map[string]int
		for _, fused := range []bool{false, true} {
			var graphs [2]*onnx.Model
			for i := range graphs {
				m := coder(t, 8, decoder, i == 0)
				if fused {
					fuse.ChannelsLast(t, m)
					seen = ops(m)
					writeOut(m)
					constants(m)
				}
				graphs[i] = m
			}
			if out := twoPieces(t, graphs, decoder); fused {
				got = out
			} else {
				want = out
			}
		}
		if seen["ClipConv"] < 10 || seen["LastNorm"] < 5 || seen["Conv"] > 1 || seen["Pad"] > 1 || seen["Slice"] > 1 || seen["Identity"] > 2 {
			t.Errorf("decoder %v: nothing was done: %v", decoder, seen)
		}
		if len(want) == 0 || len(got) != len(want) {
			t.Fatalf("decoder %v: %d values, expected %d", decoder, len(got), len(want))
		}
		for i := range want {
			if d := math.Abs(float64(got[i] - want[i])); !(d < 1e-4) {
				t.Fatalf("decoder %v: value %d is %g, expected %g", decoder, i, got[i], want[i])
			}
		}
	}
}

// twoPieces runs the first graph and then the next one twice.
func twoPieces(t *testing.T, graphs [2]*onnx.Model, decoder bool) (out []float32) {
	t.Helper()
	e, err := ort.Load()
	if err != nil {
		t.Fatal(err)
	}
	p, input, output, frames, depth, height, width := pairOf{}, vae.Video, vae.Mean, []int64{1, 4, 4}, int64(3), int64(16), int64(32)
	if decoder {
		input, output, frames, depth, height, width = vae.Latent, vae.Video, []int64{1, 2, 1}, 16, 3, 5
	}
	for i, m := range graphs {
		s, err := e.Open(context.Background(), store(t, m), engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		p[i] = s
	}
	r := rand.New(rand.NewPCG(7, 8))
	run := vae.Chunked{Sessions: p, First: "0", Next: "1"}
	defer run.Close()
	for _, n := range frames {
		x := engine.Zeros(1, depth, n, height, width)
		for j := range x.Float32() {
			x.Float32()[j] = float32(r.NormFloat64())
		}
		made, err := run.Run(context.Background(), input, x)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, made.Float32(output)...)
	}
	return out
}

type pairOf [2]engine.Session

func (p pairOf) Get(_ context.Context, name string) (engine.Session, error) {
	return p[name[0]-'0'], nil
}
