// Command decode asks what it costs to decode 81 frames with Wan's video autoencoder on a GPU, at 480p and at 720p: seconds and
// the device's peak memory, beside diffusers' AutoencoderKLWan of the same shapes in the same run. Weights are noise. It needs a
// CUDA GPU, and python3 with torch and diffusers for the comparison; see ../README.md.
package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"time"

	"github.com/videosdgx/videosdgx/bench/gpu/random"
	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
)

//go:embed reference.py
var script string

// sizes are latents: 480×832 and 720×1280, an eighth a side.
var sizes = []picture{{"480p", 60, 104}, {"720p", 90, 160}}

type picture struct {
	name          string
	height, width int64
}

const latentFrames = 21 // of 81

type bench struct {
	dir, python string
	rounds      int
	report      *harness.Report
	device      engine.Device
	engine      *ort.Engine
}

func main() {
	var b bench
	flag.StringVar(&b.dir, "dir", os.TempDir(), "folder for the graphs and their weights")
	flag.StringVar(&b.python, "python", "python3", "interpreter for the comparison; empty: leave it out")
	flag.IntVar(&b.rounds, "rounds", 3, "clips of each size, after one that is not counted")
	only := flag.Bool("plan", false, "only say what memory is planned, which takes no GPU")
	size := flag.String("size", "", "only this size, 480p or 720p")
	device := flag.String("device", "cuda:0", "device")
	commit := flag.String("commit", "", "commit that this program was built from, where the checkout is elsewhere")
	harness.Main("decode", func(ctx context.Context) (err error) {
		b.report = harness.NewGPUReport(ctx, "decode", *commit)
		defer func() { err = errors.Join(err, b.report.Print(os.Stdout)) }()
		if *size != "" {
			sizes = slices.DeleteFunc(sizes, func(s picture) bool { return s.name != *size })
		}
		if err := b.plan(); err != nil || *only {
			return err
		}
		if b.device, err = engine.ParseDevice(*device); err != nil {
			return err
		}
		if b.engine, err = ort.Load(); err != nil {
			return err
		}
		if err := b.ours(ctx); err != nil {
			return err
		}
		if b.python != "" {
			return b.reference(ctx)
		}
		return nil
	})
}

func (b *bench) open(ctx context.Context, first bool) (engine.Session, error) {
	m, err := graph(first)
	if err != nil {
		return nil, err
	}
	path, err := random.Store(b.dir, fmt.Sprintf("decoder-%v.onnx", first), m)
	if err != nil {
		return nil, err
	}
	return b.engine.Open(ctx, path, engine.Options{Device: b.device})
}

func (b *bench) ours(ctx context.Context) (err error) {
	if b.dir, err = os.MkdirTemp(b.dir, "videosdgx-decode-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	for _, size := range sizes {
		if err := b.size(ctx, size.name, size.height, size.width); err != nil {
			return fmt.Errorf("%s: %w", size.name, err)
		}
	}
	return nil
}

// size opens its own sessions: memory of a larger clip would stay with them.
func (b *bench) size(ctx context.Context, name string, height, width int64) error {
	first, err := b.open(ctx, true)
	if err != nil {
		return err
	}
	defer first.Close()
	next, err := b.open(ctx, false)
	if err != nil {
		return err
	}
	defer next.Close()
	before := int64(harness.DeviceMiB(ctx))
	stop := harness.DevicePeak(ctx)
	var took []float64
	for i := range b.rounds + 1 {
		begin := time.Now()
		if err := clip(ctx, pair{"first": first, "next": next}, height, width); err != nil {
			stop()
			return err
		}
		if i > 0 {
			took = append(took, time.Since(begin).Seconds())
		}
	}
	peak := stop()
	b.report.Observe("decode_"+name+"_s", took)
	b.report.Figure("decode_"+name+"_peak_mib", peak)
	b.report.Figure("decode_"+name+"_opened_mib", float64(before))
	if name == "720p" {
		b.report.Want("decode_720p_peak_mib", "≤ 11444")
	}
	return nil
}

// clip decodes as a function does: one latent frame after the other, caches on the device.
func clip(ctx context.Context, p pair, height, width int64) error {
	r := rand.New(rand.NewPCG(7, 8))
	latents := engine.Zeros(1, 16, latentFrames, height, width)
	for j := range latents.Float32() {
		latents.Float32()[j] = float32(r.NormFloat64())
	}
	c := vae.Coder{Config: vae.Config{}.WithDefaults(), Sessions: p, First: "first", Next: "next", Lent: true}
	return c.Decode(ctx, latents, func(engine.Tensor) error { return nil })
}

// pair are the decoder's sessions by name.
type pair map[string]engine.Session

func (p pair) Get(_ context.Context, name string) (engine.Session, error) { return p[name], nil }

func (b *bench) reference(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, b.python, "-c", script, strconv.Itoa(b.rounds), strconv.Itoa(b.device.Index))
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var what string
		var v float64
		if _, err := fmt.Sscan(lines.Text(), &what, &v); err == nil {
			b.report.Figure("diffusers_"+what, v)
		}
	}
	if err != nil {
		return fmt.Errorf("reference: %w\n%s", err, errs.String()[max(0, errs.Len()-2000):])
	}
	least := 0.0
	for _, s := range sizes {
		if ratio := b.report.Figures["diffusers_"+s.name+"_bf16_s"] / b.report.Figures["decode_"+s.name+"_s"]; least == 0 || ratio < least {
			least = ratio
		}
	}
	b.report.Figure("vae_over_reference", least)
	b.report.Want("vae_over_reference", "≥ 1.2")
	return nil
}
