package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// aheadRanges are the scales that plans built ahead of time have for products in INT8: those that a plan which is there has, since they
// are of the model and not of its clips' shapes, else what small clips on this machine come to.
type aheadRanges struct {
	b        *weights.Bundle
	lib      *tensorrt.Library
	on       tensorrt.Target
	o        PlanOptions
	found    map[string]map[string]float32 // by the graph's path: what was said of it before
	measured map[string]map[string]float32 // likewise, of all graphs; nil: nothing was measured yet
}

// of are the scales of a graph; nil where its plan multiplies in half precision, which is told.
func (a *aheadRanges) of(ctx context.Context, graph string) (scales map[string]float32, err error) {
	if a.o.Open == nil || !inInt8(a.b.Manifest) {
		return nil, nil
	}
	if scales, known := a.found[graph]; known {
		return scales, nil
	}
	if scales, err = a.find(ctx, graph); err == nil {
		a.found[graph] = scales
	}
	return scales, err
}

func (a *aheadRanges) find(ctx context.Context, graph string) (map[string]float32, error) {
	may, err := measurable(graph)
	if wide := (tooWide{}); errors.As(err, &wide) {
		a.tell(graph, wide.Error())
		return nil, nil
	}
	if err != nil || !may {
		return nil, err
	}
	if earlier, err := a.earlier(graph); err != nil || earlier != nil {
		return earlier, err
	}
	if a.measured == nil {
		a.tell(graph, fmt.Sprintf("measuring the ranges of INT8 with %d small clips on this machine", len(rangedPrompts)))
		if a.measured, err = a.measure(ctx); err != nil {
			return nil, fmt.Errorf("measure the ranges of INT8 (--ranges=false does without, and the plans multiply in half precision): %w", err)
		}
	}
	return a.measured[graph], nil
}

// earlier are the scales of a plan of the graph that is there; none where all are built again.
func (a *aheadRanges) earlier(graph string) (map[string]float32, error) {
	if a.o.Again {
		return nil, nil
	}
	ranged := func(f tensorrt.Facts) bool {
		return record.Graph(f.Graph) == record.Graph(graph) && len(f.Recipe.Scales) > 0
	}
	found, err := tensorrt.Search(plansDir(a.b.Dir), a.b.Manifest.Digest, a.lib, a.on, ranged)
	if err != nil || found[record.Graph(graph)].Path == "" {
		return nil, err
	}
	f, err := tensorrt.Known(found[record.Graph(graph)].Path)
	return f.Recipe.Scales, err
}

// measure makes the clips with ONNX Runtime, and has it run every graph that can be measured on what that one was fed.
func (a *aheadRanges) measure(ctx context.Context) (scales map[string]map[string]float32, err error) {
	m, on, err := openOn(ctx, a.b.Dir, weights.VerifyOptions{})
	if err != nil {
		return nil, err
	}
	p := &plansFor{m: m, attends: on.attends, recorded: on.recorded, open: a.o.Open, log: slog.New(slog.DiscardHandler)}
	w, model, err := p.workshop(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, handler.Close(model)) }()
	if err := w.rehearseRanges(ctx, model); err != nil {
		return nil, err
	}
	scales = map[string]map[string]float32{}
	for _, graph := range w.graphs() {
		if scales[graph], err = w.ranges(ctx, graph); err != nil {
			return nil, err
		}
	}
	return scales, nil
}

func (a *aheadRanges) tell(graph, said string) {
	if a.o.Tell != nil {
		a.o.Tell(graph, tensorrt.Report{Said: said})
	}
}
