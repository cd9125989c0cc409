package serve

import (
	"context"
	"fmt"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/accept"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/form"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
	"github.com/videosdgx/videosdgx/functions/serve/rehearsal"
)

// What the ranges of INT8 are measured with: small clips of prompts that have little in common, over all noise levels.
var rangedPrompts = []string{
	"a",
	"a red ball moves left over a white background",
	"two people talk beside a window while rain falls on the street outside, handheld, shallow depth of field",
	"an aerial view of a coastline at sunset; waves break on dark rocks, and a flock of birds crosses the picture from left to right",
}

const (
	rangedSteps = 3
	rangedRuns  = 24 // of each graph, at the most
	// mostRanged is how large a graph's products may be in float32, in bytes, to be measured: the host runs them so.
	mostRanged = 8 << 30
)

// inInt8 says whether products of plans multiply INT8 codes, whose ranges have to be measured.
func (w *workshop) inInt8() bool { return w.m.Precision == string(quant.INT8) }

// rehearseRanges makes the clips that ranges are measured with.
func (w *workshop) rehearseRanges(ctx context.Context, m handler.Model) error {
	d := m.Describe()
	w.recorder.Keep(rangedRuns)
	defer w.recorder.Keep(0)
	for _, prompt := range rangedPrompts {
		all, err := rehearsal.All(d, rehearsal.Clip(d, rehearsal.Smallest(d), prompt, rangedSteps))
		if err != nil {
			return err
		}
		for _, r := range all {
			if err := m.Generate(ctx, r, handler.Silent()); err != nil {
				return err
			}
		}
	}
	return nil
}

// ranges are the scales by which a plan of a graph quantizes what its products are fed; nil where none of them is of INT8 codes.
func (w *workshop) ranges(ctx context.Context, graph string) (map[string]float32, error) {
	if !w.inInt8() {
		return nil, nil
	}
	m, err := onnx.ReadFile(graph)
	if err != nil {
		return nil, err
	}
	name := record.Graph(graph)
	if n := form.Wide(m); n > mostRanged {
		w.log.Warn("the plan multiplies in half precision: the graph is too large to measure ranges of INT8 on the host", "graph", name, "bytes", n, "most", int64(mostRanged))
		return nil, nil
	}
	runs := w.recorder.Captures(name)
	scales, err := accept.Scales(ctx, w.m.Engine, graph, runs)
	if err != nil {
		return nil, fmt.Errorf("measure the ranges of INT8: %w", err)
	}
	if len(scales) > 0 {
		w.log.Info("ranges of INT8 measured", "graph", name, "products", len(scales), "runs", len(runs))
	}
	return scales, nil
}
