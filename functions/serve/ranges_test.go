package serve

import (
	"bytes"
	"context"
	"log/slog"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// mixer is a graph of one product, whose weight is all ones.
func mixerGraph(o nn.Options) (*nn.Net, error) {
	g := nn.New("painter", "painter", o)
	g.Output("rgb", g.Linear(g.Input("noise", onnx.Float32, "pixels", 64), "mix", 64, 32, false), onnx.Float32, "pixels", 32)
	return g, nil
}

type ones struct{}

func (ones) Info(name string) (weights.Info, error) {
	return weights.Info{Name: name, DType: weights.F32, Shape: []int64{32, 64}}, nil
}

func (ones) ReadFloat32(_ string, _ int64, dst []float32) error {
	for i := range dst {
		dst[i] = 1
	}
	return nil
}

// mixer feeds it with numbers up to as many as its prompt has letters.
type mixer struct{ sessions *bundle.Sessions }

func openMixer(ctx context.Context, m *bundle.Model) (handler.Model, error) {
	return mixer{m.Open(ctx, []string{"painter"})}, nil
}

func (mixer) Describe() handler.Description {
	return handler.Description{Name: "mixer", Defaults: handler.Request{NumFrames: 1, Steps: 1, Width: 4}, Limits: handler.Limits{WidthMultiple: 2, HeightMultiple: 2, FrameStep: 1}}
}

func (m mixer) Close() error { return m.sessions.Close() }

func (m mixer) Generate(ctx context.Context, r handler.Request, _ handler.Output) error {
	s, err := m.sessions.Get(ctx, "painter")
	if err != nil {
		return err
	}
	noise := engine.Zeros(int64(r.Width), 64)
	noise.Float32()[5] = -float32(len(r.Prompt))
	_, err = s.Run(ctx, engine.Values{"noise": noise})
	return err
}

// TestRangesOfInt8AreMeasuredForPlans: the recipe of an INT8 bundle's plan has the greatest magnitude of what the product was fed over
// all that was rehearsed; that of another bundle has none.
func TestRangesOfInt8AreMeasuredForPlans(t *testing.T) {
	kernelstest.Library(t)
	e, err := ort.Load()
	if err != nil {
		t.Fatal(err)
	}
	ctx, longest := context.Background(), 0
	for _, p := range rangedPrompts {
		longest = max(longest, len(p))
	}
	for precision, want := range map[string]float64{"int8": float64(longest) / 127, "bf16": 0} {
		dir := filepath.Join(t.TempDir(), precision)
		r := bundle.Recipe{Family: "painter", Name: "painter", Weights: func(string) nn.Source { return ones{} }, Graphs: []bundle.Graph{{Name: "painter", Component: "painter", Build: mixerGraph}}}
		if _, err := bundle.Build(ctx, r, dir, bundle.Options{Precision: precision, Targets: []bundle.Target{{Engine: "cuda"}, TensorRT()}}); err != nil {
			t.Fatal(err)
		}
		b, err := weights.OpenBundle(ctx, dir, weights.VerifyOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		p := &plansFor{m: &bundle.Model{Bundle: b, Engine: anywhere{e}, Options: engine.Options{Device: engine.Device{Kind: engine.CUDA}}}, open: openMixer, log: slog.New(slog.NewTextHandler(&log, nil))}
		w, model, err := p.workshop(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.rehearse(ctx, model, true, true); err != nil {
			t.Fatal(err)
		}
		recipe, err := w.recipe(ctx, p.graphs()[0])
		if err != nil {
			t.Fatal(err)
		}
		if recipe.Int8 != (want > 0) || len(recipe.Scales) != map[bool]int{true: 1}[want > 0] || strings.Contains(log.String(), "ranges of INT8 measured") != (want > 0) {
			t.Errorf("%s: %+v\n%s", precision, recipe, &log)
		}
		for x, s := range recipe.Scales {
			if math.Abs(float64(s)-want) > 1e-3*want { // half precision on the way
				t.Errorf("%s has the scale %g, not %g", x, s, want)
			}
		}
		if got := len(w.recorder.Captures(record.Graph(p.graphs()[0]))); got < 1 {
			t.Errorf("%d runs to compare with", got)
		}
		if err := handler.Close(model); err != nil {
			t.Error(err)
		}
	}
}
