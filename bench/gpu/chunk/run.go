package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/bench/gpu/random"
	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/magi1"
)

// shapes are the published transformers, and one to try the program with.
var shapes = map[string]magi1.ModelConfig{
	"4.5b": {NumLayers: 34, HiddenSize: 3072, FFNSize: 12288, NumHeads: 24, NumGroups: 8, InChannels: 16, OutChannels: 16},
	"24b":  {NumLayers: 48, HiddenSize: 6144, FFNSize: 16384, NumHeads: 48, NumGroups: 8, InChannels: 32, OutChannels: 32, Gated: true, HalfChannel: true, Rescale: 0.1},
	"tiny": {NumLayers: 2, HiddenSize: 64, FFNSize: 128, NumHeads: 4, NumGroups: 2, HeadDim: 16, InChannels: 4, OutChannels: 4},
}

const (
	frames = 6   // latent frames of a chunk
	text   = 100 // tokens of a caption
	slots  = 4   // earlier chunks that are attended to at most
	warm   = 2
)

type bench struct {
	dir, device, python, shape, activations string
	side                                    int64
	runs                                    int
	report                                  *harness.Report
}

func (b *bench) run(ctx context.Context) error {
	c, ok := shapes[b.shape]
	if !ok {
		return fmt.Errorf("shape %q is none of 4.5b, 24b, tiny", b.shape)
	}
	c = c.WithDefaults()
	as, ok := map[string]onnx.DType{"fp16": onnx.Float16, "bf16": onnx.BFloat16}[b.activations]
	if !ok {
		return fmt.Errorf("activations %q are neither fp16 nor bf16", b.activations)
	}
	target, err := engine.ParseDevice(b.device)
	if err != nil {
		return err
	}
	e, err := ort.LoadFor(target)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(b.dir, "videosdgx-chunk-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path, err := store(dir, c, target, as)
	if err != nil {
		return err
	}
	begin := time.Now()
	s, err := e.Open(ctx, path, engine.Options{Device: target})
	if err != nil {
		return err
	}
	defer s.Close()
	name := strings.ReplaceAll(b.shape, ".", "_")
	b.report.Figure("chunk_"+name+"_open_s", time.Since(begin).Seconds())
	fmt.Printf("open after %.1f s\n", time.Since(begin).Seconds())
	return b.measure(ctx, s, c, name)
}

// store builds the graph and gives it random weights.
func store(dir string, c magi1.ModelConfig, d engine.Device, as onnx.DType) (string, error) {
	net, err := magi1.Transformer(c, false, slots, nn.Options{})
	if err != nil {
		return "", err
	}
	m, err := net.Model()
	if err == nil && !d.Host() {
		err = fuse.CUDA(m, fuse.Options{Type: as})
	}
	if err != nil {
		return "", err
	}
	return random.Store(dir, "transformer.onnx", m)
}

// measure runs a chunk with none to four earlier ones. A step of a chunk is two passes that see them and one alone; in its four
// stages a chunk sees four, three, two and one.
func (b *bench) measure(ctx context.Context, s engine.Session, c magi1.ModelConfig, name string) error {
	left, err := b.forward(ctx, s, c, nil)
	if err != nil {
		return err
	}
	defer left.Close()
	var seconds [slots + 1]float64
	for past := range seconds {
		var took []float64
		for i := range b.runs + warm {
			begin := time.Now()
			out, err := b.forward(ctx, s, c, slices.Repeat([]engine.Values{left}, past))
			if err != nil {
				return err
			}
			out.Close()
			if i >= warm {
				took = append(took, time.Since(begin).Seconds())
			}
			fmt.Printf("%d earlier chunks, run %d: %.3f s\n", past, i, time.Since(begin).Seconds())
		}
		figure := fmt.Sprintf("chunk_%s_past%d_s", name, past)
		b.report.Observe(figure, took)
		seconds[past] = b.report.Figures[figure]
		b.report.Figure(fmt.Sprintf("chunk_%s_past%d_tflop_per_s", name, past), b.flops(c, past)/seconds[past]/1e12)
	}
	step, work := seconds[0], b.flops(c, 0)
	for past := 1; past <= slots; past++ {
		step += 2 * seconds[past] / slots
		work += 2 * b.flops(c, past) / slots
	}
	b.report.Figure("chunk_"+name+"_step_s", step)
	b.report.Figure("chunk_"+name+"_step_tflop_per_s", work/step/1e12)
	b.report.Figure("chunk_"+name+"_device_mib", harness.DeviceMiB(ctx))
	if b.python == "" {
		return nil
	}
	rate, err := matrixRate(ctx, b.python, b.device)
	if err != nil {
		return err
	}
	b.report.Figure("matrix_tflop_per_s", rate)
	b.report.Figure("chunk_"+name+"_share_of_matrix_rate", work/step/1e12/rate)
	b.report.Want("chunk_"+name+"_share_of_matrix_rate", "≥ 0.4")
	return nil
}

// forward is one run; what the chunk leaves stays on the device.
func (b *bench) forward(ctx context.Context, s engine.Session, c magi1.ModelConfig, past []engine.Values) (engine.Values, error) {
	r := rand.New(rand.NewPCG(3, 4))
	latent, patches := b.side/8, b.side/16
	tokens := frames * patches * patches
	channels := c.InChannels
	if c.HalfChannel {
		channels /= 2
	}
	in := engine.Values{
		"latent": random.Gauss(r, 1, channels, frames, latent, latent), "time": random.Gauss(r, 1, 256), "row": random.Gauss(r, 1, c.CaptionSize), "caption": random.Gauss(r, 1, text, c.CaptionSize),
		"cos": random.Gauss(r, 1, tokens, 3*c.HeadDim/8), "sin": random.Gauss(r, 1, tokens, 3*c.HeadDim/8),
	}
	var resident []string
	for _, o := range s.Outputs() {
		if state, ok := strings.CutSuffix(o.Name, ".next"); ok {
			resident = append(resident, o.Name)
			for slot := range slots {
				name := state + "." + strconv.Itoa(slot)
				if slot < len(past) {
					in[name] = past[slot][o.Name]
					continue
				}
				empty, err := engine.Make(typeOf(s, name), 1, 0, c.NumGroups*c.HeadDim)
				if err != nil {
					return nil, err
				}
				in[name] = empty
			}
		}
	}
	out, err := s.Run(ctx, in, resident...)
	if err != nil {
		return nil, err
	}
	for _, v := range out.Float32("velocity") {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			out.Close()
			return nil, errors.New("the velocity is not finite")
		}
	}
	return out, nil
}

func typeOf(s engine.Session, input string) onnx.DType {
	i := slices.IndexFunc(s.Inputs(), func(f engine.Info) bool { return f.Name == input })
	return s.Inputs()[i].Type
}

// flops of a run with so many earlier chunks: products and attention.
func (b *bench) flops(c magi1.ModelConfig, past int) float64 {
	patches := float64(b.side / 16)
	n, d, h, kv, f := frames*patches*patches, float64(c.HiddenSize), float64(c.NumHeads*c.HeadDim), float64(c.NumGroups*c.HeadDim), float64(c.FFNSize)
	up := 1.0
	if c.Gated {
		up = 2
	}
	layer := 2*n*d*(2*h+2*kv) + 2*n*2*h*d + 2*n*d*f*(up+1) + 2*text*d*2*kv + 4*n*n*float64(past+1)*h + 4*n*text*h
	return float64(c.NumLayers) * layer
}

// matrixRate is the rate of a plain product of 8192³ in BF16, in TFLOP/s.
func matrixRate(ctx context.Context, python, device string) (float64, error) {
	const script = `
import sys, time, torch
a = torch.randn(8192, 8192, device=sys.argv[1], dtype=torch.bfloat16); b = torch.randn_like(a)
for _ in range(5): a @ b
torch.cuda.synchronize(); t = time.time()
for _ in range(30): a @ b
torch.cuda.synchronize(); print(2 * 8192**3 * 30 / (time.time() - t) / 1e12)`
	out, err := exec.CommandContext(ctx, python, "-c", script, device).Output()
	if err != nil {
		return 0, fmt.Errorf("torch's product: %w", err)
	}
	return strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
}
