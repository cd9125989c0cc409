// Command lora asks what a LoRA costs: how long the first answer of a request with one takes whose merged model is cached and of
// which nothing runs, against a plain cold start, and how much the merged model stores beside the weights that change.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

type options struct {
	server     harness.Options
	n, warmup  int
	rank       int64
	checkpoint string
}

func main() {
	var o options
	o.server.Driver = "auto"
	o.server.Flags(flag.CommandLine)
	flag.IntVar(&o.n, "n", 60, "cold starts of each kind")
	flag.IntVar(&o.warmup, "warmup", 3, "cold starts of each kind before that are not counted")
	flag.Int64Var(&o.rank, "rank", 16, "rank of the LoRA, which changes attention and feed-forward of every block")
	flag.StringVar(&o.checkpoint, "checkpoint", "images/demo/wan21-tiny", "checkpoint")
	harness.Main("lora", func(ctx context.Context) error { return run(ctx, o) })
}

func run(ctx context.Context, o options) (err error) {
	s, dir, end, err := harness.Begin(ctx, o.server, "lora")
	if err != nil {
		return err
	}
	defer end(&err)
	base, models := filepath.Join(s.Data, "models", "plain"), filepath.Join(s.Data, "models")
	if err := s.BuildBundle(ctx, o.checkpoint, base, ""); err != nil {
		return err
	}
	if err := o.write(filepath.Join(models, "loras", "noise.safetensors")); err != nil {
		return err
	}
	program, err := s.BuildWan21(ctx, dir)
	if err != nil {
		return err
	}
	r := harness.NewReport("lora")
	var kinds []*kind
	for name, event := range map[string]string{"plain": `{"ping":true}`, "lora_swap": `{"ping":true,"loras":[{"name":"noise","strength":0.8}]}`} {
		k := &kind{name: name}
		if k.first, err = o.deploy(ctx, s, name, program, base, event); err != nil {
			return err
		}
		defer k.first.Close()
		kinds = append(kinds, k)
	}
	if err := o.measure(ctx, kinds); err != nil {
		return err
	}
	for _, k := range kinds {
		r.Quantiles(k.name, k.first.Samples)
		r.Phases[k.name] = k.first.Phases()
	}
	r.Ratio("lora_swap_over_plain", "lora_swap_p50_ms", "plain_p50_ms")
	r.Want("lora_swap_over_plain", "≤ 1.2")
	return errors.Join(stored(r, models), r.Print(os.Stdout))
}

// kind is what is started.
type kind struct {
	name  string
	first *harness.FirstByte
}

func (o options) deploy(ctx context.Context, s *harness.Server, name string, program harness.Wan21, bundle, event string) (*harness.FirstByte, error) {
	function := "bench-" + strings.ReplaceAll(name, "_", "-")
	if err := s.DeployModel(ctx, function, program, bundle); err != nil {
		return nil, err
	}
	return s.FirstByte(ctx, function, harness.Absent, []byte(event)) // its first call has the model merged
}

func (o options) measure(ctx context.Context, kinds []*kind) error {
	for range o.warmup {
		for _, k := range kinds {
			if _, err := k.first.Start(ctx); err != nil {
				return err
			}
		}
	}
	return harness.Rounds(ctx, func(ctx context.Context, round int) error {
		for range harness.Share(o.n, round) {
			for _, k := range kinds {
				if err := k.first.Once(ctx); err != nil {
					return fmt.Errorf("%s: %w", k.name, err)
				}
			}
		}
		return nil
	})
}

// stored reports what the merged model has of its own, and the weights that change.
func stored(r *harness.Report, models string) error {
	dirs, err := filepath.Glob(filepath.Join(models, bundle.DerivedFolder, "*"))
	if err != nil || len(dirs) != 1 {
		return fmt.Errorf("%d merged models, %v", len(dirs), err)
	}
	m, err := weights.ReadManifest(dirs[0])
	if err != nil {
		return err
	}
	st, err := os.Stat(filepath.Join(dirs[0], bundle.DerivedData))
	if err != nil {
		return err
	}
	r.Figure("lora_derived_mb", float64(m.Own())/1e6)
	r.Figure("lora_changed_mb", float64(st.Size())/1e6)
	r.Ratio("lora_derived_over_changed", "lora_derived_mb", "lora_changed_mb")
	r.Want("lora_derived_over_changed", "≤ 1.3")
	return nil
}

// write makes a LoRA of noise.
func (o options) write(path string) error {
	ckpt, err := weights.InspectCheckpoint(o.checkpoint)
	if err != nil {
		return err
	}
	defer ckpt.Close()
	part := ckpt.Components["transformer"]
	if part == nil {
		return fmt.Errorf("%s has no transformer", o.checkpoint)
	}
	random, all := rand.New(rand.NewPCG(1, 2)), []weights.Tensor(nil)
	factor := func(name string, rows, columns int64) weights.Tensor {
		v := make([]float32, rows*columns)
		for i := range v {
			v[i] = float32(random.NormFloat64()) / 64
		}
		return weights.Float32Tensor(name, []int64{rows, columns}, v)
	}
	for _, name := range part.Names() {
		info, err := part.Info(name)
		if err != nil {
			return err
		}
		if module, ok := strings.CutSuffix(name, ".weight"); ok && len(info.Shape) == 2 && strings.HasPrefix(name, "blocks.") {
			all = append(all, factor("transformer."+module+".lora_A.weight", o.rank, info.Shape[1]), factor("transformer."+module+".lora_B.weight", info.Shape[0], o.rank))
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return weights.Write(path, all, nil)
}
