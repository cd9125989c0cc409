package serve

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/faketrt"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// mixerOn is the mixer's bundle, with graphs for the processor and for TensorRT.
func mixerOn(t *testing.T, precision string) *weights.Bundle {
	t.Helper()
	ctx, dir := context.Background(), filepath.Join(t.TempDir(), precision)
	r := bundle.Recipe{Family: "painter", Name: "painter", Weights: func(string) nn.Source { return ones{} }, Graphs: []bundle.Graph{{Name: "painter", Component: "painter", Build: mixerGraph}}}
	if _, err := bundle.Build(ctx, r, dir, bundle.Options{Precision: precision, Targets: []bundle.Target{{Engine: "cpu"}, TensorRT()}}); err != nil {
		t.Fatal(err)
	}
	b, err := weights.OpenBundle(ctx, dir, weights.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestPlansAheadOfTimeHaveRangesOfInt8: clips are made once for all graphs; what a plan that is there has is not measured again, unless
// all is built again; and a bundle that needs none, or whose ranges nobody wants, makes no clip.
func TestPlansAheadOfTimeHaveRangesOfInt8(t *testing.T) {
	kernelstest.Library(t)
	t.Setenv(DeviceEnv, "cpu")
	ctx := context.Background()
	opened := 0
	open := func(ctx context.Context, m *bundle.Model) (handler.Model, error) { opened++; return openMixer(ctx, m) }
	lib, on := faketrt.Load(t), tensorrt.Target{Capability: 121}
	b := mixerOn(t, "int8")
	plansFor := func(b *weights.Bundle, o PlanOptions) *tensorrt.Plans {
		planner, _ := faketrt.Planner(t, "", painterPlan...)
		p := plansOf(ctx, b, lib, on, nil, o)
		p.Builder.Planner = planner
		return p
	}
	longest := 0
	for _, p := range rangedPrompts {
		longest = max(longest, len(p))
	}
	graph := plannable(b)[0]
	for i, c := range []struct {
		o    PlanOptions
		want int // models opened by then
	}{{PlanOptions{Open: open}, 1}, {PlanOptions{Open: open}, 1}, {PlanOptions{Open: open, Again: true}, 2}} {
		p := plansFor(b, c.o)
		for range 2 {
			r, err := p.Recipe(graph)
			if err != nil || !r.Int8 || len(r.Scales) != 1 {
				t.Fatalf("%d: %+v, %v", i, r, err)
			}
			for x, s := range r.Scales {
				if want := float64(longest) / 127; math.Abs(float64(s)-want) > 1e-3*want { // half precision on the way
					t.Errorf("%d: %s has the scale %g, not %g", i, x, s, want)
				}
			}
		}
		built, err := buildPlan(ctx, p, b, "painter", on)
		if err != nil || !built.Int8 || built.Found != (i == 1) || opened != c.want {
			t.Errorf("%d: %+v, %v; the model was opened %d times", i, built, err, opened)
		}
	}
	for name, p := range map[string]*tensorrt.Plans{"not wanted": plansFor(b, PlanOptions{}), "bf16": plansFor(mixerOn(t, "bf16"), PlanOptions{Open: open})} {
		if r, err := p.Recipe(graph); err != nil || r.Int8 || r.Scales != nil || opened != 2 {
			t.Errorf("%s: %+v, %v; the model was opened %d times", name, r, err, opened)
		}
	}
	broken := errors.New("the disk is on fire")
	p := plansFor(b, PlanOptions{Again: true, Open: func(context.Context, *bundle.Model) (handler.Model, error) { return nil, broken }})
	if _, err := p.Recipe(graph); !errors.Is(err, broken) || !strings.Contains(err.Error(), "--ranges=false does without") {
		t.Errorf("%v", err)
	}
}

// TestAGraphTooLargeForRangesIsTold: it is built in half precision, and no clip is made for it.
func TestAGraphTooLargeForRangesIsTold(t *testing.T) {
	n := onnx.Node{Name: "p", Domain: quant.Domain, Op: quant.Operator, Inputs: []string{"x"}, Outputs: []string{"y"},
		Attrs: []onnx.Attr{onnx.Int("in_features", 1<<16), onnx.Int("out_features", 1<<16)}}
	raw, err := (&onnx.Model{IRVersion: 10, Opsets: []onnx.Opset{{Version: 21}, {Domain: quant.Domain, Version: 1}}, Graph: onnx.Graph{Name: "g", Nodes: []onnx.Node{n}}}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "transformer.tensorrt.onnx")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	said := ""
	o := PlanOptions{Tell: func(_ string, r tensorrt.Report) { said += r.Said }, Open: func(context.Context, *bundle.Model) (handler.Model, error) {
		return nil, errors.New("it was opened")
	}}
	b := &weights.Bundle{Manifest: weights.Manifest{Precision: "int8"}}
	r, err := plansOf(context.Background(), b, faketrt.Load(t), tensorrt.Target{}, nil, o).Recipe(path)
	if err != nil || r.Int8 || said != "its quantized weights take 16.0 GiB in float32, and ranges of INT8 are measured up to 8 GiB: it multiplies in half precision" {
		t.Errorf("%+v, %v: %s", r, err, said)
	}
}
