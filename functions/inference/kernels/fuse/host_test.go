package fuse_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

const isaEnv = "VIDEOSDGX_KERNELS_ISA"

// TestTheCPUComputesTheSame runs decoders and encoders, states carried, as they are built and with the CPU's operators, on every
// instruction set of this machine: channels that are no multiple of a group, one group, two, and more than four.
func TestTheCPUComputesTheSame(t *testing.T) {
	kernelstest.Library(t)
	for _, base := range []int64{6, 16, 36} {
		for _, decoder := range []bool{true, false} {
			pieces := func(change func(*onnx.Model)) []float32 {
				graphs := [2]*onnx.Model{coder(t, base, decoder, true), coder(t, base, decoder, false)}
				for _, m := range graphs {
					change(m)
				}
				return twoPieces(t, graphs, decoder)
			}
			want := pieces(func(*onnx.Model) {})
			forISAs(t, fmt.Sprintf("%d channels, decoder %v", base, decoder), func(t *testing.T) {
				got := pieces(func(m *onnx.Model) { toCPU(t, m) })
				near(t, got, want)
			})
		}
	}
}

func toCPU(t *testing.T, m *onnx.Model) {
	t.Helper()
	if err := fuse.CPU(m); err != nil {
		t.Fatal(err)
	}
	if seen := ops(m); seen["ClipConv"] == 0 || seen["Conv"] > 0 || seen["ReduceL2"] > 0 {
		t.Fatalf("nothing was done: %v", seen)
	}
}

// near fails where values are further apart than sums in another order come out.
func near(t *testing.T, got, want []float32) {
	t.Helper()
	most := 0.0
	for _, v := range want {
		most = max(most, math.Abs(float64(v)))
	}
	if len(got) != len(want) || most == 0 {
		t.Fatalf("%d values, expected %d up to %g", len(got), len(want), most)
	}
	for i := range want {
		if d := math.Abs(float64(got[i] - want[i])); !(d < 2e-5*most) {
			t.Fatalf("value %d of %d is %g, expected %g", i, len(want), got[i], want[i])
		}
	}
}

// forISAs runs a test on every instruction set that this machine has for convolutions.
func forISAs(t *testing.T, name string, run func(t *testing.T)) {
	t.Helper()
	ran := 0
	for _, isa := range []string{"generic", "avx2", "avx512", "neon"} {
		t.Setenv(isaEnv, isa)
		if err := opens(t); err != nil {
			if !strings.Contains(err.Error(), isaEnv) {
				t.Fatal(err)
			}
			continue
		}
		ran++
		t.Run(name+", "+isa, run)
	}
	if ran < 1 {
		t.Fatal("the generic kernels are on every machine")
	}
}

func opens(t *testing.T) error {
	t.Helper()
	m := convolution(t, nn.Cube("c", 4, 4, 1), 1, 2, 2)
	toCPU(t, m)
	e, err := ort.Load()
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Open(context.Background(), store(t, m), engine.Options{})
	if err != nil {
		return err
	}
	return s.Close()
}

// convolution is one of a clip of some size, behind the norm without which a graph is no autoencoder's.
func convolution(t *testing.T, c nn.Conv, frames, height, width int64) *onnx.Model {
	t.Helper()
	n := nn.New("one", "vae", nn.Options{})
	x := n.SiLU(n.ChannelNorm(n.Input("x", onnx.Float32, 1, c.In, frames, height, width), "n", c.In, 1, 1, 1))
	n.Output("y", n.Convolve(x, c), onnx.Float32, 1, c.Out, "frames", "height", "width")
	m, err := n.Model()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range m.Graph.Initializers {
		if w := &m.Graph.Initializers[i]; w.Content != nil {
			v := make([]float32, w.Elements())
			for j := range v {
				v[j] = float32(r.NormFloat64())
			}
			w.Content = func(to io.Writer) error { // in pieces that end anywhere
				for b := range slices.Chunk(nn.Bytes(v), 1000) {
					if _, err := to.Write(b); err != nil {
						return err
					}
				}
				return nil
			}
		}
	}
	return m
}

// TestConvolutionsOfTheCPU: every form of kernel, strides, uneven pads, sides that end in the middle of a square or of a block, and
// channels that end in the middle of a group.
func TestConvolutionsOfTheCPU(t *testing.T) {
	kernelstest.Library(t)
	r := rand.New(rand.NewPCG(3, 4))
	kernels := []nn.Conv{
		{Kernel: [3]int64{3, 3, 3}, Pads: [6]int64{2, 1, 1, 0, 1, 1}}, {Kernel: [3]int64{1, 3, 3}, Pads: [6]int64{0, 0, 2, 0, 1, 0}},
		{Kernel: [3]int64{1, 3, 3}, Stride: [3]int64{1, 2, 2}, Pads: [6]int64{0, 0, 0, 0, 1, 1}}, {Kernel: [3]int64{3, 1, 1}, Stride: [3]int64{2, 1, 1}},
		{Kernel: [3]int64{1, 1, 1}}, {Kernel: [3]int64{2, 5, 4}, Pads: [6]int64{1, 2, 1, 0, 2, 2}}, {Kernel: [3]int64{4, 3, 3}},
	}
	for _, c := range kernels {
		c.Name, c.In, c.Out = "c", 1+r.Int64N(90), 1+r.Int64N(170)
		frames, height, width := 4+r.Int64N(3), 5+r.Int64N(20), 5+r.Int64N(20)
		in := engine.Values{"x": engine.Zeros(1, c.In, frames, height, width)}
		for i := range in.Float32("x") {
			in.Float32("x")[i] = float32(r.NormFloat64())
		}
		want := run(t, convolution(t, c, frames, height, width), in)
		forISAs(t, fmt.Sprint(c.Kernel, c.Stride, c.In, c.Out, frames, height, width), func(t *testing.T) {
			m := convolution(t, c, frames, height, width)
			toCPU(t, m)
			near(t, run(t, m, in), want)
		})
	}
}
