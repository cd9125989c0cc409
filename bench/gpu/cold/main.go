// Command cold asks how long it takes from nothing to the first finished denoising step of Wan 2.1 1.3B with its text encoder
// (UMT5-XXL) at 480×832×81 on a GPU, in a process of its own, split by phase; beside the process of the Python design: imports,
// diffusers' pipeline from a checkpoint of the same sizes, its first step. Weights are noise. See ../README.md.
package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/bench/gpu/random"
	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/schedule"
	"github.com/videosdgx/videosdgx/functions/inference/text/t5"
	"github.com/videosdgx/videosdgx/functions/wan21"
)

//go:embed reference.py
var script string

var (
	encoder     = t5.Config{ModelType: "umt5", Architectures: []string{"UMT5EncoderModel"}, VocabSize: 256384, DModel: 4096, DKV: 64, DFF: 10240, NumLayers: 24, NumHeads: 64, FeedForward: "gated-gelu"}
	transformer = wan21.TransformerConfig{NumHeads: 12, HeadDim: 128, InChannels: 16, OutChannels: 16, TextDim: 4096, FFNDim: 8960, NumLayers: 30}
	grid        = [3]int64{21, 30, 52}
)

func main() {
	dir := flag.String("dir", os.TempDir(), "folder for the graphs, their weights (1.5 GB) and the Python checkpoint (14 GB)")
	device := flag.String("device", "cuda:0", "device")
	python := flag.String("python", "python3", "interpreter for the comparison; empty: leave it out")
	child := flag.String("child", "", "be the measured process: the graphs' folder")
	rounds := flag.Int("rounds", 3, "processes of each")
	commit := flag.String("commit", "", "commit that this program was built from, where the checkout is elsewhere")
	harness.Main("cold", func(ctx context.Context) (err error) {
		d, err := engine.ParseDevice(*device)
		if err != nil {
			return err
		}
		if *child != "" {
			return first(ctx, *child, d)
		}
		r := harness.NewGPUReport(ctx, "cold", *commit)
		defer func() { err = errors.Join(err, r.Print(os.Stdout)) }()
		folder, err := os.MkdirTemp(*dir, "videosdgx-cold-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		if err := write(folder); err != nil {
			return err
		}
		self, err := os.Executable()
		if err != nil {
			return err
		}
		ours := func() *exec.Cmd { return exec.CommandContext(ctx, self, "-child", folder, "-device", *device) }
		if err := measure(r, "cold", ours, *rounds); err != nil || *python == "" {
			return err
		}
		if out, err := exec.CommandContext(ctx, *python, "-c", script, "save", folder).CombinedOutput(); err != nil {
			return fmt.Errorf("the Python checkpoint: %w\n%s", err, out)
		}
		theirs := func() *exec.Cmd { return exec.CommandContext(ctx, *python, "-c", script, "run", folder) }
		if err := measure(r, "fastapi", theirs, *rounds); err != nil {
			return err
		}
		r.Figure("cold_over_fastapi", r.Figures["fastapi_first_step_s"]/r.Figures["cold_first_step_s"])
		r.Want("cold_over_fastapi", "≥ 5")
		r.Notes = append(r.Notes, "the Python process imports neither fastapi nor uvicorn: they were not there")
		return nil
	})
}

// measure starts processes and keeps the fastest's phases: each says "phase" at its end, and time counts from the start.
func measure(r *harness.Report, name string, start func() *exec.Cmd, rounds int) error {
	best := map[string]float64{}
	for range rounds {
		cmd := start()
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		begin := time.Now()
		if err := cmd.Start(); err != nil {
			return err
		}
		at := map[string]float64{}
		for lines := bufio.NewScanner(out); lines.Scan(); {
			at[strings.TrimSpace(lines.Text())] = time.Since(begin).Seconds()
		}
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("%s: %w\n%s", name, err, errs.String()[max(0, errs.Len()-2000):])
		}
		fmt.Printf("%s: %v\n", name, at)
		if v, ok := at["first_step"]; ok && (best["first_step"] == 0 || v < best["first_step"]) {
			best = at
		}
	}
	for phase, v := range best {
		r.Figure(name+"_"+phase+"_s", v)
	}
	return nil
}

func write(dir string) error {
	o := nn.Options{Policy: nn.Policy{Table: onnx.BFloat16}}
	enc, err := t5.Encoder(encoder.WithDefaults(), o)
	if err != nil {
		return err
	}
	dit, err := wan21.Transformer(transformer, nn.Options{})
	if err != nil {
		return err
	}
	for name, net := range map[string]*nn.Net{"text.onnx": enc, "transformer.onnx": dit} {
		m, err := net.Model()
		if err != nil {
			return err
		}
		if err := fuse.CUDA(m, fuse.Options{}); err != nil {
			return err
		}
		if _, err := random.Store(dir, name, m); err != nil {
			return err
		}
	}
	return nil
}

// first is the measured process.
func first(ctx context.Context, dir string, d engine.Device) error {
	fmt.Println("process")
	e, err := ort.LoadFor(d)
	if err != nil {
		return err
	}
	fmt.Println("library")
	opened := make(chan error, 1)
	var dit engine.Session
	text, err := e.Open(ctx, filepath.Join(dir, "text.onnx"), engine.Options{Device: d})
	if err != nil {
		return err
	}
	fmt.Println("text_encoder_open")
	go func() { // while the prompt is encoded
		var err error
		dit, err = e.Open(ctx, filepath.Join(dir, "transformer.onnx"), engine.Options{Device: d})
		opened <- err
	}()
	ids, mask := make([]int64, 512), make([]int64, 512)
	for i := range ids {
		ids[i], mask[i] = int64(i*37%250000+1), 1
	}
	out, err := text.Run(ctx, encoder.WithDefaults().Inputs(ids, mask, 1), t5.Hidden)
	if err != nil {
		return err
	}
	fmt.Println("prompt_encoded")
	if err := <-opened; err != nil {
		return err
	}
	fmt.Println("transformer_open")
	n := grid[0] * grid[1] * grid[2]
	side := 2 * (transformer.HeadDim / 6)
	cos, sin := nn.RotaryTables(10000, nn.RotaryAxis{Dim: 128 - 2*side, Size: grid[0]}, nn.RotaryAxis{Dim: side, Size: grid[1]}, nn.RotaryAxis{Dim: side, Size: grid[2]})
	in := engine.Values{"tokens": engine.Zeros(1, n, 64), "context": out[t5.Hidden], "cos": engine.Floats(cos, 1, n, 64), "sin": engine.Floats(sin, 1, n, 64),
		"time": engine.Floats(nn.Sinusoid(999, 256), 1, 256)}
	for i := range in["tokens"].(engine.Tensor).Float32() {
		in["tokens"].(engine.Tensor).Float32()[i] = float32(i%17)/8 - 1
	}
	v, err := dit.Run(ctx, in)
	if err != nil {
		return err
	}
	u, err := dit.Run(ctx, in)
	if err != nil {
		return err
	}
	schedule.Guide(v.Float32("sample"), u.Float32("sample"), 5)
	fmt.Println("first_step")
	return nil
}
