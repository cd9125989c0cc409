package fuse_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// pixels builds an autoencoder whose norms are by the mean over a point's channels, in LTX-2's way.
type pixels struct {
	*nn.Net
	before, after int64 // frames that are repeated
	mirror        bool
}

func (n pixels) norm(x onnx.Value) onnx.Value {
	mean := n.Op("ReduceMean", []onnx.Value{n.Mul(x, x), n.Ints(1)})
	return n.SiLU(n.Div(x, n.Op("Sqrt", []onnx.Value{n.Add(mean, n.Float(1e-2))})))
}

func (n pixels) conv(x onnx.Value, name string, in, out int64) onnx.Value {
	x = n.Op("Pad", []onnx.Value{x, n.Ints(0, 0, n.before, 0, 0, 0, 0, n.after, 0, 0)}, onnx.Str("mode", "edge"))
	spatial := int64(1)
	if n.mirror {
		x, spatial = n.Op("Pad", []onnx.Value{x, n.Ints(0, 0, 0, 1, 1, 0, 0, 0, 1, 1)}, onnx.Str("mode", "reflect")), 0
	}
	return n.Convolve(x, nn.Conv{Name: name, In: in, Out: out, Kernel: [3]int64{3, 3, 3}, Pads: [6]int64{0, spatial, spatial, 0, spatial, spatial}})
}

func (n pixels) spread(x onnx.Value, channels int64) onnx.Value {
	b, f, h, w := n.DimOf(x, 0), n.DimOf(x, 2), n.DimOf(x, 3), n.DimOf(x, 4)
	y := n.Transpose(n.Reshape(x, n.Concat(0, b, n.Ints(channels, 2, 2, 2), f, h, w)), 0, 1, 5, 2, 6, 3, 7, 4)
	y = n.Reshape(y, n.Concat(0, b, n.Ints(channels), n.Mul(f, n.Ints(2)), n.Mul(h, n.Ints(2)), n.Mul(w, n.Ints(2))))
	return n.Slice(y, 2, 1, 1<<40)
}

// model has a residual block, one that changes how many channels there are, a level of twice the sides, and an end.
func (n pixels) model(t *testing.T, wide int64) *onnx.Model {
	t.Helper()
	x := n.conv(n.Input("x", onnx.Float32, "batch", 8, "frames", "height", "width"), "in", 8, wide)
	x = n.Add(x, n.conv(n.norm(n.conv(n.norm(x), "a", wide, wide)), "b", wide, wide))
	narrow := n.Transpose(n.LayerNorm(n.Transpose(x, 0, 2, 3, 4, 1), "n", wide, 1e-2), 0, 4, 1, 2, 3)
	narrow = n.Convolve(narrow, nn.Conv{Name: "s", In: wide, Out: 16, Kernel: [3]int64{1, 1, 1}})
	x = n.Add(narrow, n.conv(n.norm(x), "c", wide, 16))
	shortcut := n.spread(x, 2)
	x = n.Add(n.spread(n.conv(x, "up", 16, 64), 8), n.Concat(1, shortcut, shortcut, shortcut, shortcut))
	n.Output("y", n.conv(n.norm(x), "out", 8, 3), onnx.Float32, "batch", 3, "frames_out", "height_out", "width_out")
	m, err := n.Model()
	if err != nil {
		t.Fatal(err)
	}
	fill(m)
	return m
}

func noisyClip(seed uint64) engine.Values {
	r := rand.New(rand.NewPCG(seed, 8))
	x := engine.Zeros(1, 8, 3, 4, 6)
	for i := range x.Float32() {
		x.Float32()[i] = float32(r.NormFloat64())
	}
	return engine.Values{"x": x}
}

// TestPixelNormsAndWhatPadsMeanTheSame: frames that are repeated at both ends or in front, pictures that are mirrored or padded with zeros,
// channels that the operators take and that they do not, sums that are lowered: in float32 all is what it was.
func TestPixelNormsAndWhatPadsMeanTheSame(t *testing.T) {
	for _, c := range []struct {
		before, after int64
		mirror        bool
		wide          int64
	}{{1, 1, true, 16}, {1, 1, false, 24}, {2, 0, false, 16}, {2, 0, true, 12}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			build := func() *onnx.Model {
				return pixels{nn.New("clip", "vae", nn.Options{}), c.before, c.after, c.mirror}.model(t, c.wide)
			}
			fused := build()
			fuse.ChannelsLast(t, fused)
			seen := ops(fused)
			if c.wide%8 == 0 && (seen["ClipConv"] != 7 || seen["LastNorm"] != 4 || seen["Pad"] != 0 || seen["Sqrt"] != 0 || seen["Sigmoid"] != 0) {
				t.Errorf("nothing was done: %v", seen)
			}
			if c.wide%8 != 0 && (seen["ChannelNorm"] != 3 || seen["ClipConv"] < 2) {
				t.Errorf("too little was done: %v", seen)
			}
			writeOut(t, fused)
			want, got := run(t, build(), noisyClip(7)), run(t, fused, noisyClip(7))
			if len(want) != 3*5*8*12 || len(got) != len(want) {
				t.Fatalf("%d values, expected %d", len(got), len(want))
			}
			for i := range want {
				if d := math.Abs(float64(got[i] - want[i])); !(d < 1e-4) {
					t.Fatalf("value %d is %g, expected %g", i, got[i], want[i])
				}
			}
		})
	}
}

// Everything between the norms is lowered and what leads to the result is not; float32 stays as it was built.
func TestWhatIsLowered(t *testing.T) {
	build := func() *onnx.Model { return pixels{nn.New("clip", "vae", nn.Options{}), 1, 1, true}.model(t, 16) }
	m := build()
	if err := fuse.CUDA(m, fuse.Options{}); err != nil {
		t.Fatal(err)
	}
	scales, lowered := map[string]float32{}, map[string]bool{}
	for _, n := range m.Graph.Nodes {
		if n.Op != "ClipConv" {
			continue
		}
		name := n.Inputs[1]
		lowered[name] = n.Inputs[2] == "vae/up.bias.lowered"
		for _, a := range n.Attrs {
			if a.Name == "scale" {
				scales[name] = a.F
			}
		}
	}
	for conv, want := range map[string]float32{"in": 1. / 64, "a": 1. / 64, "b": 1. / 64, "c": 1. / 64, "s": 1. / 64, "up": 0, "out": 0} {
		name := "vae/" + conv + ".weight.last.fp16"
		if _, there := lowered[name]; !there || scales[name] != want || lowered[name] != (conv == "up") {
			t.Errorf("%s is multiplied by %g, its bias lowered: %v", conv, scales[name], lowered[name])
		}
	}
	plain, before := build(), ops(build())
	if err := fuse.CUDA(plain, fuse.Options{Type: onnx.Float32}); err != nil {
		t.Fatal(err)
	}
	if after := ops(plain); after["Pad"] != before["Pad"] || after["LastNorm"]+after["ChannelNorm"] != 0 {
		t.Errorf("float32 became %v", after)
	}
	host := build()
	if err := fuse.CPU(host); err != nil {
		t.Fatal(err)
	}
	if after := ops(host); after["Pad"] != before["Pad"] || after["ClipConv"] != 0 {
		t.Errorf("the CPU's graph became %v", after)
	}
}
