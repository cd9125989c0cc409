package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
)

// runner is an engine that runs plans of graphs, or what stands in their place.
type runner interface {
	engine.Engine
	Used() int64
	Rest()
	Close()
}

// plan builds a plan of a graph beside it, for a range of shapes, and says what that took.
func (b *bench) plan(ctx context.Context, graph, figure string, shapes map[string]record.Range, r tensorrt.Recipe) (string, error) {
	r.Model = graph
	if b.rehearse {
		to := strings.TrimSuffix(graph, ".onnx") + "." + figure
		return filepath.Join(to, "graph.onnx"), tensorrt.Lower(r, to)
	}
	profile := tensorrt.Profile{}
	for name, r := range shapes {
		profile[name] = tensorrt.Range{Least: r.Least, Usual: r.Most, Most: r.Most}
	}
	r.Profiles, r.Half, r.Int8, r.Workspace = []tensorrt.Profile{profile}, true, r.Scales != nil, 40<<30
	r.Limits.Time, r.Level = b.limit, &b.level
	path := strings.TrimSuffix(graph, ".onnx") + "." + figure + ".plan"
	builder := tensorrt.Builder{Install: b.install}
	took, err := seconds(func() error { return builder.Build(ctx, r, path, nil) })
	if err != nil {
		return "", fmt.Errorf("plan %s: %w", figure, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.figure(figure+"_plan_seconds", took)
	b.figure(figure+"_plan_mb", float64(info.Size())/1e6)
	return path, nil
}

// runs is a fresh engine for plans.
func (b *bench) runs() runner {
	if b.rehearse {
		return stand{b.ort}
	}
	return tensorrt.New(b.lib, nil)
}

// stand runs lowered graphs in the place of plans.
type stand struct{ engine.Engine }

func (stand) Used() int64 { return 0 }
func (stand) Rest()       {}
func (stand) Close()      {}

// built opens the plans that were built of graphs, by the graphs' paths.
type built struct {
	runner
	plans map[string]string
}

func (e built) Open(ctx context.Context, path string, o engine.Options) (engine.Session, error) {
	p, ok := e.plans[record.Graph(path)]
	if !ok {
		return nil, fmt.Errorf("there is no plan of %s", path)
	}
	return e.runner.Open(ctx, p, o)
}
