package main

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
	"github.com/videosdgx/videosdgx/functions/wan"
	"github.com/videosdgx/videosdgx/functions/wan21"
)

// auto has the demo's plans in FP16, and those of its video encoder, compared with the CUDA provider and timed beside it as `videosdgx
// models plan` does once it has built them, and asks again when what was measured is known: what engine: auto decides by.
func (b *bench) auto(ctx context.Context) error {
	if err := b.watch(ctx); err != nil || b.rehearse {
		return err
	}
	w, err := b.forAuto(ctx)
	if err != nil {
		return err
	}
	plans, err := b.autoPlans(ctx, w)
	if err != nil {
		return err
	}
	if err := b.placeAll(w, plans); err != nil {
		return err
	}
	var pace serve.Pace
	for _, figure := range []string{"auto_measure_s", "auto_known_s"} {
		took, err := seconds(func() (err error) { pace, err = serve.ComparePlans(ctx, w.Dir, wan21.Open); return err })
		if err != nil {
			return err
		}
		b.figure(figure, took)
	}
	b.figure("auto_plans_s", pace.Plans)
	b.figure("auto_ort_s", pace.Other)
	b.note("auto: the plans are %s", pace)
	return nil
}

// forAuto is the demo's bundle as a server has it.
func (b *bench) forAuto(ctx context.Context) (*weights.Bundle, error) {
	dir := filepath.Join(b.dir, "auto")
	o := bundle.Options{Precision: bundle.None, Targets: []bundle.Target{serve.CUDA(), serve.TensorRT()}}
	if _, err := serve.Build(ctx, b.checkpoint, dir, wan21.Recipe, o); err != nil {
		return nil, err
	}
	return weights.OpenBundle(ctx, dir, weights.VerifyOptions{})
}

// autoPlans has a plan of every graph: for the shapes that were watched, else for those that the model's clips have.
func (b *bench) autoPlans(ctx context.Context, w *weights.Bundle) (map[string]string, error) {
	s, err := wan.Shapes(w.Manifest)
	if err != nil {
		return nil, err
	}
	least, err := s.Inputs(w, "tensorrt", s.Least)
	if err != nil {
		return nil, err
	}
	most, err := s.Inputs(w, "tensorrt", s.Most)
	if err != nil {
		return nil, err
	}
	paths := make([]string, len(s.Graphs))
	var g errgroup.Group
	for i, name := range s.Graphs {
		shapes := b.watched.Shapes(name)
		if len(shapes) == 0 {
			shapes = map[string]record.Range{}
			for in := range most[name] {
				shapes[in] = record.Range{Least: least[name][in], Most: most[name][in]}
			}
		}
		g.Go(func() (err error) {
			paths[i], err = b.plan(ctx, filepath.Join(w.Dir, bundle.GraphFile(name, "tensorrt")), "demo_"+name+"_fp16", shapes, tensorrt.Recipe{})
			return err
		})
	}
	err = g.Wait()
	plans := map[string]string{}
	for i, name := range s.Graphs {
		plans[name] = paths[i]
	}
	return plans, err
}

// placeAll puts plans where a server looks for those of a bundle, with what they depend on beside them.
func (b *bench) placeAll(w *weights.Bundle, plans map[string]string) error {
	e := tensorrt.New(b.lib, nil)
	defer e.Close()
	on, err := e.Device(b.at)
	if err != nil {
		return err
	}
	cache := tensorrt.Plans{Dir: filepath.Join(w.Dir, "plans"), Library: b.lib.Name(), Digest: w.Manifest.Digest}
	for name, plan := range plans {
		f, to, err := cache.Fact(filepath.Join(w.Dir, bundle.GraphFile(name, "tensorrt")), on)
		if err == nil {
			err = placeOne(f, plan, to)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// placeOne copies a plan, and writes what is known of it as tensorrt.Plans does.
func placeOne(f tensorrt.Facts, plan, to string) error {
	raw, err := os.ReadFile(plan)
	if err != nil {
		return err
	}
	f.Bytes, f.Sum = int64(len(raw)), fmt.Sprintf("%08x", crc32.Checksum(raw, crc32.MakeTable(crc32.Castagnoli)))
	facts, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(to, raw, 0o600); err != nil {
		return err
	}
	return os.WriteFile(to+".json", facts, 0o600)
}
