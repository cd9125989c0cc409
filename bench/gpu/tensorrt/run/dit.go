package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/videosdgx/videosdgx/bench/gpu/random"
	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/wan21"
)

// Wan 2.1 1.3B over 81 frames of 480×832: a latent of 21×60×104 in patches of 1×2×2, and a prompt padded to 512 tokens.
var (
	published = wan21.TransformerConfig{NumHeads: 12, HeadDim: 128, InChannels: 16, OutChannels: 16, TextDim: 4096, FFNDim: 8960}
	grid      = [3]int64{21, 30, 52}
)

const (
	layers = 30
	// slices of attention's queries for TensorRT 8.6, which has no tensor of 2³¹ elements: all heads' scores are 12·32760².
	slices = 8
)

// dit times transformers of one layer and of two: the difference is a layer, and thirty of them with what is around are a
// prediction. TensorRT 8.6 would compile one of thirty for longer than anybody waits.
func (b *bench) dit(ctx context.Context) error {
	if b.rehearse { // the width, not the length
		grid, published.FFNDim = [3]int64{2, 4, 6}, 1024
	}
	took := map[string][]float64{}
	for n := range 2 {
		c := published
		c.NumLayers = int64(n + 1)
		dir := filepath.Join(b.dir, fmt.Sprintf("dit%d", c.NumLayers))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		in := conditions(c.HeadDim)
		trt, err := b.ditPlan(ctx, dir, c, in)
		if err != nil {
			return fmt.Errorf("%d layers as a plan: %w", c.NumLayers, err)
		}
		cuda, err := b.ditCUDA(ctx, dir, c, in)
		if err != nil {
			return fmt.Errorf("%d layers with the CUDA provider: %w", c.NumLayers, err)
		}
		took["trt_fp16"], took["cuda_bf16"] = append(took["trt_fp16"], trt.seconds), append(took["cuda_bf16"], cuda.seconds)
		b.figure(fmt.Sprintf("dit_%d_layers_off_cuda", c.NumLayers), relative(trt.sample, cuda.sample))
		os.RemoveAll(dir)
	}
	for name, t := range took {
		layer := t[1] - t[0]
		b.figure("dit_"+name+"_layer_ms", 1e3*layer)
		b.figure("dit_"+name+"_step_s", 2*(t[0]+(layers-1)*layer)) // guidance: two predictions
	}
	return nil
}

// ran is what a graph gave and how long a run takes.
type ran struct {
	sample  []float32
	seconds float64
}

// conditions are what a transformer is fed.
func conditions(head int64) engine.Values {
	r := rand.New(rand.NewPCG(5, 6))
	gauss := func(shape ...int64) engine.Tensor {
		t := engine.Zeros(shape...)
		for i := range t.Float32() {
			t.Float32()[i] = float32(r.NormFloat64())
		}
		return t
	}
	side := 2 * (head / 6)
	cos, sin := nn.RotaryTables(10000, nn.RotaryAxis{Dim: head - 2*side, Size: grid[0]}, nn.RotaryAxis{Dim: side, Size: grid[1]}, nn.RotaryAxis{Dim: side, Size: grid[2]})
	n := grid[0] * grid[1] * grid[2]
	return engine.Values{
		"tokens": gauss(1, n, 64), "time": engine.Floats(nn.Sinusoid(700, 256), 1, 256), "context": gauss(1, 512, published.TextDim),
		"cos": engine.Floats(cos, 1, n, head/2), "sin": engine.Floats(sin, 1, n, head/2),
	}
}

func (b *bench) ditPlan(ctx context.Context, dir string, c wan21.TransformerConfig, in engine.Values) (ran, error) {
	net, err := wan21.Transformer(c, nn.Options{})
	if err != nil {
		return ran{}, err
	}
	m, err := net.Model()
	if err != nil {
		return ran{}, err
	}
	graph, err := random.Store(dir, "transformer.tensorrt.onnx", m)
	if err != nil {
		return ran{}, err
	}
	p, err := b.plan(ctx, graph, fmt.Sprintf("dit_%d_layers", c.NumLayers), fixed(in), tensorrt.Recipe{Slices: slices})
	if err != nil {
		return ran{}, err
	}
	e := b.runs()
	defer e.Close()
	return timed(ctx, e, b.at, p, in)
}

// fixed is the range that holds the shapes of one run alone.
func fixed(in engine.Values) map[string]record.Range {
	out := map[string]record.Range{}
	for name, v := range in {
		out[name] = record.Range{Least: v.Dims(), Most: v.Dims()}
	}
	return out
}

func (b *bench) ditCUDA(ctx context.Context, dir string, c wan21.TransformerConfig, in engine.Values) (ran, error) {
	net, err := wan21.Transformer(c, nn.Options{})
	if err != nil {
		return ran{}, err
	}
	m, err := net.Model()
	if err == nil && !b.beside.Host() {
		err = fuse.CUDA(m, fuse.Options{})
	}
	if err != nil {
		return ran{}, err
	}
	graph, err := random.Store(dir, "transformer.cuda.onnx", m)
	if err != nil {
		return ran{}, err
	}
	return timed(ctx, b.ort, b.beside, graph, in)
}

// timed opens a graph or plan, and runs it with what it is fed on the device already: twice, then five times that count.
func timed(ctx context.Context, e engine.Engine, at engine.Device, path string, in engine.Values) (r ran, err error) {
	var s engine.Session
	opened, err := seconds(func() (err error) { s, err = e.Open(ctx, path, engine.Options{Device: at}); return err })
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	placed := engine.Values{}
	defer placed.Close()
	for name, v := range in {
		if placed[name], err = e.Place(ctx, v.(engine.Tensor), at); err != nil {
			return r, err
		}
	}
	var took []float64
	for i := range 7 {
		var out engine.Values
		t, err := seconds(func() (err error) { out, err = s.Run(ctx, placed); return err })
		if err != nil {
			return r, err
		}
		if i > 1 {
			took = append(took, t)
		}
		r.sample = out.Float32("sample")
	}
	r.seconds = harness.Median(took)
	fmt.Printf("%s: opened in %.2f s, a run takes %.4f s\n", filepath.Base(path), opened, r.seconds)
	return r, nil
}

// relative is ‖got − want‖ / ‖want‖.
func relative(got, want []float32) float64 {
	var d, n float64
	for i := range want {
		x := float64(got[i]) - float64(want[i])
		d, n = d+x*x, n+float64(want[i])*float64(want[i])
	}
	return math.Sqrt(d / n)
}
