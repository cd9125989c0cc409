package split

import (
	"context"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/enginetest"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

const width, layers = 16, 6

// blocks is x + tanh(x·w + s)·x, six times: between two blocks one value crosses and within one three, beside s, which is made
// before the first and taken by all.
func blocks(b *onnx.Builder) {
	x := b.Input("x", onnx.Float32, "rows", width)
	shared := b.Op("Tanh", []onnx.Value{b.Input("s", onnx.Float32, width)})
	for i := range layers {
		r := rand.New(rand.NewPCG(uint64(i), 1))
		w := b.Weight("w"+string(rune('0'+i)), onnx.Float32, []int64{width, width}, func(to io.Writer) error {
			v := make([]float32, width*width)
			for j := range v {
				v[j] = float32(r.NormFloat64()) / 4
			}
			_, err := to.Write(nn.Bytes(v))
			return err
		})
		h := b.Op("Tanh", []onnx.Value{b.Add(b.MatMul(x, w), shared)})
		x = b.Add(x, b.Mul(h, x))
	}
	b.Output("y", x, onnx.Float32, "rows", width)
}

// devices are n of those that VIDEOSDGX_TEST_DEVICE names ("cuda:0,cuda:1"), in turn; the CPU by default.
func devices(t *testing.T, n int) (all []engine.Device) {
	t.Helper()
	names := strings.Split(os.Getenv("VIDEOSDGX_TEST_DEVICE"), ",")
	for i := range n {
		d, err := engine.ParseDevice(names[i%len(names)])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

func load(t *testing.T) engine.Engine {
	t.Helper()
	e, err := ort.LoadFor(devices(t, 1)[0])
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func open(t *testing.T, e engine.Engine, path string) engine.Session {
	t.Helper()
	s, err := e.Open(context.Background(), path, engine.Options{Device: devices(t, 1)[0]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func inputs() engine.Values {
	x := engine.Zeros(3, width)
	for i := range x.Float32() {
		x.Float32()[i] = float32(i%7) - 3
	}
	return engine.Values{"x": x, "s": engine.Zeros(width)}
}

func TestTwoDevicesComputeWhatOneDoes(t *testing.T) {
	path, one := enginetest.Write(t, blocks), load(t)
	want, err := open(t, one, path).Run(context.Background(), inputs())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{2, 3, 6} {
		for _, whole := range []bool{false, true} {
			s := open(t, &Engine{Engine: one, Devices: devices(t, n), Spread: []string{"graph"}, Fits: func(bytes int64) bool { return whole && bytes == layers*width*width*4 }}, path)
			if engine.Width(s) != n {
				t.Errorf("%d devices, whole %v: %T", n, whole, s)
			}
			var group sync.WaitGroup
			for range 4 {
				group.Go(func() {
					got, err := s.Run(context.Background(), inputs())
					if err != nil || !slices.Equal(got.Float32("y"), want.Float32("y")) {
						t.Errorf("%d devices, whole %v: %v, %v", n, whole, got.Float32("y"), err)
					}
				})
			}
			group.Wait()
		}
	}
}

func TestPartsAreCutBetweenBlocks(t *testing.T) {
	b := onnx.NewBuilder("graph")
	blocks(b)
	m, err := b.Model()
	if err != nil {
		t.Fatal(err)
	}
	all, err := cut(m, 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if len(p.takes) > 2 || len(p.gives) > 2 {
			t.Errorf("a cut within a block: %+v", p)
		}
	}
	if _, err := cut(&onnx.Model{}, 2); !errdefs.IsInvalidArgument(err) {
		t.Errorf("a graph of nothing in two: %v", err)
	}
}

func TestCopiesAreAnEngine(t *testing.T) {
	all := devices(t, 2)
	enginetest.Run(t, &Engine{Engine: load(t), Devices: all, Spread: []string{"graph"}, Fits: func(int64) bool { return true }}, engine.Options{Device: all[0]})
}

func TestAChainRefusesWhatASessionWould(t *testing.T) {
	s, ctx := open(t, &Engine{Engine: load(t), Devices: devices(t, 2), Spread: []string{"graph"}}, enginetest.Write(t, blocks)), context.Background()
	ended, stop := context.WithCancel(ctx)
	stop()
	for name, c := range map[string]struct {
		ctx      context.Context
		in       engine.Values
		resident string
		is       func(error) bool
	}{
		"a missing input":  {ctx, engine.Values{"x": engine.Zeros(1, width)}, "y", errdefs.IsInvalidArgument},
		"an input more":    {ctx, engine.Values{"x": engine.Zeros(1, width), "s": engine.Zeros(width), "z": engine.Zeros(1)}, "y", errdefs.IsInvalidArgument},
		"no such output":   {ctx, inputs(), "z", errdefs.IsInvalidArgument},
		"an ended context": {ended, inputs(), "y", func(err error) bool { return err != nil }},
	} {
		if out, err := s.Run(c.ctx, c.in, c.resident); !c.is(err) || out != nil {
			t.Errorf("%s: %v, %v", name, out, err)
		}
	}
	if in, out := s.Inputs(), s.Outputs(); len(in) != 2 || len(out) != 1 || in[0].Shape[0] != -1 || in[0].Shape[1] != width {
		t.Errorf("it describes %+v, %+v", in, out)
	}
	out, err := s.Run(ctx, inputs(), "y")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := out["y"].(engine.Tensor); ok {
		t.Error("y was to stay")
	}
	out.Close()
}
