package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/videosdgx/videosdgx/bench/gpu/random"
	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/wan21"
)

// Wan 2.1 1.3B over so many frames of 480×832, by default 81: a latent of 21×60×104 in patches of 1×2×2, and a prompt padded to 512
// tokens.
var (
	frames    = 81
	published = wan21.TransformerConfig{NumHeads: 12, HeadDim: 128, InChannels: 16, OutChannels: 16, TextDim: 4096, FFNDim: 8960}
	grid      = [3]int64{21, 30, 52}
)

const (
	layers = 30
	// parts of attention's queries for TensorRT 8.6, which has no tensor of 2³¹ elements: all heads' scores are 12·32760².
	parts = 8
)

// dit times transformers of one layer and of two: the difference is a layer, and thirty of them with what is around are a
// prediction. TensorRT 8.6 would compile one of thirty for longer than anybody waits. Each is measured as soon as its plan is there.
func (b *bench) dit(ctx context.Context) error {
	grid[0] = int64(1 + (frames-1)/4)
	if b.rehearse { // the width, not the length
		grid, published.FFNDim = [3]int64{2, 4, 6}, 1024
	}
	in := conditions(published.HeadDim)
	took := map[string]*[2]float64{"trt_fp16": {}, "cuda_bf16": {}}
	var g errgroup.Group
	for i := range 2 {
		g.Go(func() error {
			c := published
			c.NumLayers = int64(i + 1)
			trt, cuda, err := b.layers(ctx, c, in)
			if err != nil {
				return fmt.Errorf("%d layers: %w", c.NumLayers, err)
			}
			took["trt_fp16"][i], took["cuda_bf16"][i] = trt, cuda
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for name, t := range took {
		layer := t[1] - t[0]
		b.figure(dits()+name+"_layer_ms", 1e3*layer)
		b.figure(dits()+name+"_step_s", 2*(t[0]+(layers-1)*layer)) // guidance: two predictions
	}
	return nil
}

// dits begins the names of figures: those of 81 frames, which the published model makes, say nothing of it.
func dits() string {
	if frames == 81 {
		return "dit_"
	}
	return fmt.Sprintf("dit_%d_frames_", frames)
}

// layers times a transformer of a few layers as a plan and with the CUDA provider, in turns.
func (b *bench) layers(ctx context.Context, c wan21.TransformerConfig, in engine.Values) (trt, cuda float64, err error) {
	dir := filepath.Join(b.dir, fmt.Sprintf("dit%d", c.NumLayers))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(dir)
	p, err := b.ditPlan(ctx, dir, c, in)
	if err != nil {
		return 0, 0, err
	}
	graph, err := b.ditCUDA(dir, c)
	if err != nil {
		return 0, 0, fmt.Errorf("with the CUDA provider: %w", err)
	}
	e := b.runs()
	defer e.Close()
	err = b.quiet(ctx, func() error {
		all, err := inTurns(ctx, in, contender{e, b.at, p}, contender{b.ort, b.beside, graph})
		if err != nil {
			return err
		}
		trt, cuda = all[0].seconds, all[1].seconds
		name := fmt.Sprintf("%s%d_layers_", dits(), c.NumLayers)
		b.figure(name+"trt_fp16_s", trt)
		b.figure(name+"cuda_bf16_s", cuda)
		b.figure(name+"off_cuda", relative(all[0].sample, all[1].sample))
		return nil
	})
	return trt, cuda, err
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

func (b *bench) ditPlan(ctx context.Context, dir string, c wan21.TransformerConfig, in engine.Values) (string, error) {
	net, err := wan21.Transformer(c, nn.Options{})
	if err != nil {
		return "", err
	}
	m, err := net.Model()
	if err != nil {
		return "", err
	}
	graph, err := random.Store(dir, "transformer.tensorrt.onnx", m)
	if err != nil {
		return "", err
	}
	return b.plan(ctx, graph, fmt.Sprintf("%s%d_layers", dits(), c.NumLayers), fixed(in), tensorrt.Recipe{Slices: parts})
}

// fixed is the range that holds the shapes of one run alone.
func fixed(in engine.Values) map[string]record.Range {
	out := map[string]record.Range{}
	for name, v := range in {
		out[name] = record.Range{Least: v.Dims(), Most: v.Dims()}
	}
	return out
}

func (b *bench) ditCUDA(dir string, c wan21.TransformerConfig) (string, error) {
	net, err := wan21.Transformer(c, nn.Options{})
	if err != nil {
		return "", err
	}
	m, err := net.Model()
	if err == nil && !b.beside.Host() {
		err = fuse.CUDA(m, fuse.Options{})
	}
	if err != nil {
		return "", err
	}
	return random.Store(dir, "transformer.cuda.onnx", m)
}

// contender is an engine with a graph or a plan.
type contender struct {
	engine engine.Engine
	at     engine.Device
	path   string
}

// inTurns opens what each contender has, and runs them one after the other with what they are fed on the device already: twice, then
// five times that count.
func inTurns(ctx context.Context, in engine.Values, all ...contender) (got []ran, err error) {
	var sessions []engine.Session
	var placed []engine.Values
	defer func() {
		for i, s := range sessions {
			placed[i].Close()
			err = errors.Join(err, s.Close())
		}
	}()
	for _, c := range all {
		s, err := c.engine.Open(ctx, c.path, engine.Options{Device: c.at})
		if err != nil {
			return nil, err
		}
		sessions, placed = append(sessions, s), append(placed, engine.Values{})
		for name, v := range in {
			if placed[len(placed)-1][name], err = c.engine.Place(ctx, v.(engine.Tensor), c.at); err != nil {
				return nil, err
			}
		}
	}
	got = make([]ran, len(all))
	took := make([][]float64, len(all))
	for round := range 7 {
		for i, s := range sessions {
			var out engine.Values
			t, err := seconds(func() (err error) { out, err = s.Run(ctx, placed[i]); return err })
			if err != nil {
				return nil, fmt.Errorf("%s: %w", filepath.Base(all[i].path), err)
			}
			if round > 1 {
				took[i] = append(took[i], t)
			}
			got[i] = ran{out.Float32("sample"), harness.Median(took[i])}
		}
	}
	return got, nil
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
