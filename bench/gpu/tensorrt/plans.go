package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
	"github.com/videosdgx/videosdgx/functions/wan21"
)

type bench struct {
	checkpoint, dir string
	target          int
	builder         tensorrt.Builder
	report          *harness.Report
	shapes          *record.Engine
}

// record makes two clips on the CPU, the smallest and the largest that the plans are to be good for, and keeps the shapes of
// every graph.
func (b *bench) record(ctx context.Context) error {
	plain := filepath.Join(b.dir, "plain")
	if _, err := serve.Build(ctx, b.checkpoint, plain, wan21.Recipe, bundle.Options{Precision: bundle.None}); err != nil {
		return err
	}
	m, err := serve.Open(ctx, plain, weights.VerifyOptions{})
	if err != nil {
		return err
	}
	b.shapes = record.New(m.Engine)
	m.Engine = b.shapes
	model, err := wan21.Open(ctx, m)
	if err != nil {
		return err
	}
	d := model.Describe()
	least := d.Defaults
	least.Width, least.Height, least.NumFrames = d.Limits.WidthMultiple, d.Limits.HeightMultiple, 1+2*d.Limits.FrameStep
	for _, r := range []handler.Request{least, d.Defaults} {
		r.Prompt, r.Steps = "a big red circle moving right on a navy background", 1
		quiet := handler.Output{Progress: func(handler.Progress) {}, Frame: func([]byte) error { return nil }, Latents: func([]float32) {}}
		if err := model.Generate(ctx, r, quiet); err != nil {
			return err
		}
	}
	return nil
}

// plans builds a bundle in a format and a plan of each of its graphs.
func (b *bench) plans(ctx context.Context, format, dir string) error {
	if _, err := serve.Build(ctx, b.checkpoint, dir, wan21.Recipe, bundle.Options{Precision: format, Targets: []bundle.Target{serve.TensorRT()}}); err != nil {
		return err
	}
	graphs, err := filepath.Glob(filepath.Join(dir, "*.tensorrt.onnx"))
	if err != nil || len(graphs) == 0 {
		return fmt.Errorf("%d graphs for TensorRT in %s: %w", len(graphs), dir, err)
	}
	for _, g := range graphs {
		if err := b.plan(ctx, format, g); err != nil {
			return fmt.Errorf("%s in %s: %w", record.Graph(g), format, err)
		}
	}
	return nil
}

func (b *bench) plan(ctx context.Context, format, graph string) error {
	profile := tensorrt.Profile{}
	for name, r := range b.shapes.Shapes(record.Graph(graph)) {
		profile[name] = tensorrt.Range{Least: r.Least, Usual: r.Most, Most: r.Most}
	}
	path, began := graph+".plan", time.Now()
	err := b.builder.Build(ctx, tensorrt.Recipe{Model: graph, Capability: b.target, Profiles: []tensorrt.Profile{profile}}, path, nil)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	name := record.Graph(graph) + "_" + format
	b.report.Figure(name+"_plan_seconds", time.Since(began).Seconds())
	b.report.Figure(name+"_plan_mb", float64(info.Size())/1e6)
	return nil
}
