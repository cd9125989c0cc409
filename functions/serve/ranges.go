package serve

import (
	"context"
	"errors"
	"fmt"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/accept"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/form"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
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
func inInt8(m weights.Manifest) bool { return m.Precision == string(quant.INT8) }

func (w *workshop) inInt8() bool { return inInt8(w.m.Manifest) }

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

// tooWide is why a graph's plan multiplies in half precision.
type tooWide struct{ bytes int64 }

func (t tooWide) Error() string {
	return fmt.Sprintf("its quantized weights take %.1f GiB in float32, and ranges of INT8 are measured up to %d GiB: it multiplies in half precision", float64(t.bytes)/(1<<30), int64(mostRanged)>>30)
}

// measurable says whether a graph has products whose ranges can be measured; tooWide: it has, and cannot be.
func measurable(graph string) (bool, error) {
	m, err := onnx.ReadFile(graph)
	if err != nil {
		return false, err
	}
	n := form.Wide(m)
	if n > mostRanged {
		return false, tooWide{n}
	}
	return n > 0, nil
}

// ranges are the scales by which a plan of a graph quantizes what its products are fed; nil where none of them is of INT8 codes.
func (w *workshop) ranges(ctx context.Context, graph string) (map[string]float32, error) {
	if !w.inInt8() {
		return nil, nil
	}
	name := record.Graph(graph)
	may, err := measurable(graph)
	if wide := (tooWide{}); errors.As(err, &wide) {
		w.log.Warn("ranges of INT8 are not measured", "graph", name, "reason", wide.Error())
		return nil, nil
	}
	if err != nil || !may {
		return nil, err
	}
	runs := w.recorder.Captures(name)
	scales, err := accept.Scales(ctx, w.m.Engine, graph, runs)
	if err != nil {
		return nil, fmt.Errorf("measure the ranges of INT8: %w", err)
	}
	w.log.Info("ranges of INT8 measured", "graph", name, "products", len(scales), "runs", len(runs))
	return scales, nil
}
