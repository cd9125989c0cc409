package serve

import (
	"context"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/faketrt"
	"github.com/videosdgx/videosdgx/functions/serve/duo"
)

// TestAPlanThatIsBuiltAgainDoesNotServeUnseen: between the verdict and the moment in which a clip's graphs are opened, another program builds
// the accepted plan once more. ONNX Runtime makes the clip.
func TestAPlanThatIsBuiltAgainDoesNotServeUnseen(t *testing.T) {
	p, log := painterOn(t)
	ctx := context.Background()
	built := func(lines ...string) {
		t.Helper()
		planner, _ := faketrt.Planner(t, "", append(lines, painterPlan...)...)
		plans := tensorrt.Plans{Dir: plansDir(p.m.Dir), Library: p.lib.Name(), Digest: p.m.Manifest.Digest, Builder: &tensorrt.Builder{Planner: planner}, Again: true}
		if _, err := plans.Plan(ctx, p.graphs()[0], p.on); err != nil {
			t.Fatal(err)
		}
	}
	sure := func(ctx context.Context) (handler.Model, error) { return p.open(ctx, p.m) }
	for accepted, find := range map[string]func() (map[string]tensorrt.Found, error){
		"at this start": func() (map[string]tensorrt.Found, error) {
			w, model, err := p.workshop(ctx)
			if err != nil {
				return nil, err
			}
			defer handler.Close(model)
			plans, _, err := w.ready(ctx, alone(model))
			return plans, err
		},
		"before": func() (map[string]tensorrt.Found, error) {
			m, err := p.serve(ctx, tensorRT)
			if err != nil {
				return nil, err
			}
			defer handler.Close(m)
			return p.find(isAccepted)
		},
	} {
		built()
		plans, err := find()
		if err != nil {
			t.Fatal(err)
		}
		built("add 0.5") // a quarter off
		fast, err := p.fast(ctx, plans)
		if err != nil {
			t.Fatal(err)
		}
		m := duo.Ready(duo.Sides{SureName: "ONNX Runtime", Reopen: sure, Log: p.log}, fast, p.chosen(Pace{}))
		if frames, by := clip(t, m); frames != painted || !strings.Contains(log.String(), "has built the plan of painter again since it was accepted") {
			t.Errorf("accepted %s: %q by %s\n%s", accepted, frames, by, log)
		}
		if err := handler.Close(m); err != nil || p.engine.Used() != 0 {
			t.Error(err, p.engine.Used())
		}
		log.Reset()
		if _, err := p.serve(ctx, tensorRT); err == nil || !strings.Contains(err.Error(), "it is off by 0.25") {
			t.Errorf("the next start: %v", err)
		}
	}
}
