package fuse_test

import (
	"context"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
)

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
					writeOut(t, m)
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
