package serve

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/faketrt"
	"github.com/videosdgx/videosdgx/functions/serve/duo"
)

// ran is what a model says once it has served a clip, and has prepared what it prepares.
func ran(t *testing.T, p *plansFor, asked string) (first, name, why string) {
	t.Helper()
	m, err := p.serve(context.Background(), asked)
	if err != nil {
		t.Fatal(err)
	}
	first, _ = m.(interface{ Engine() (string, string) }).Engine()
	if d, ok := m.(*duo.Model); ok {
		<-d.Prepared()
	}
	if frames, _ := clip(t, m); frames != painted {
		t.Errorf("%q", frames)
	}
	name, why = m.(interface{ Engine() (string, string) }).Engine()
	if err := handler.Close(m); err != nil || p.engine.Used() != 0 {
		t.Error(err, p.engine.Used())
	}
	return first, name, why
}

// planned is the painter with a plan that was built and accepted, and was timed with these seconds; the seconds that it and ONNX
// Runtime take from now on are after.
func planned(t *testing.T, plan, other float64, after timer) (*plansFor, *bytes.Buffer, func() int) {
	t.Helper()
	p, log := painterOn(t)
	planner, runs := faketrt.Planner(t, "", painterPlan...)
	t.Setenv(tensorrt.PlannerEnv, planner)
	p.time = scripted(plan, other)
	ran(t, p, auto)
	p.time = after
	log.Reset()
	return p, log, runs
}

func speedsOf(t *testing.T, p *plansFor) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(p.m.Dir, plansFolder, "*", "*.speed"))
	if err != nil || len(found) == 0 {
		t.Fatalf("%v, %v", found, err)
	}
	return found
}

// never is a timer for what is known and may not be timed again.
func never(t *testing.T) timer {
	t.Helper()
	return func(context.Context, engine.Session, func(engine.Tensor) (engine.Value, error), record.Timed) (time.Duration, time.Duration, error) {
		t.Error("a plan is timed again")
		return 1, 1, nil
	}
}

func TestAutoTakesWhatIsFaster(t *testing.T) {
	for _, c := range []struct {
		plan, other float64
		by, why     string
	}{
		{9, 1, "ONNX Runtime", "the plans are 9 × slower than ONNX Runtime (27 s against 3 s for 4×0, 3 frames, 0 steps); engine: tensorrt"},
		{1.06, 1, "ONNX Runtime", "1.06 × slower than"},
		{1.04, 1, "TensorRT-RTX 1.6.9", "as fast as ONNX Runtime"},
		{1, 1, "TensorRT-RTX 1.6.9", "as fast as ONNX Runtime"},
		{1, 4, "TensorRT-RTX 1.6.9", "4 × faster than ONNX Runtime"},
	} {
		p, log := painterOn(t)
		planner, runs := faketrt.Planner(t, "", painterPlan...)
		t.Setenv(tensorrt.PlannerEnv, planner)
		p.time = scripted(c.plan, c.other)
		first, name, why := ran(t, p, auto)
		if !strings.HasPrefix(first, "ONNX Runtime") || !strings.HasPrefix(name, c.by) || !strings.Contains(why, c.why) || !strings.Contains(log.String(), c.why) {
			t.Errorf("%g against %g: %s (%s)\n%s", c.plan, c.other, name, why, log)
		}
		log.Reset()
		p.time = never(t) // from the next start on it is known
		first, name, why = ran(t, p, auto)
		if first != name || !strings.HasPrefix(name, c.by) || !strings.Contains(why, c.why) || runs() != 1 {
			t.Errorf("%g against %g, again: %s, then %s (%s), built %d times\n%s", c.plan, c.other, first, name, why, runs(), log)
		}
		if slow := c.by == "ONNX Runtime"; slow && (!strings.HasSuffix(name, "x slower") || !strings.Contains(log.String(), c.why)) {
			t.Errorf("%s\n%s", name, log)
		}
		if _, name, _ := ran(t, p, tensorRT); name != "TensorRT-RTX 1.6.9" {
			t.Errorf("asked for: %s", name)
		}
	}
}

// TestAPlanFromBeforeIsTimed: it was accepted by a version that timed none.
func TestAPlanFromBeforeIsTimed(t *testing.T) {
	p, log, runs := planned(t, 9, 1, scripted(1, 2))
	for _, s := range speedsOf(t, p) {
		if err := os.Remove(s); err != nil {
			t.Fatal(err)
		}
	}
	if first, name, why := ran(t, p, auto); !strings.HasPrefix(first, "ONNX Runtime") || name != "TensorRT-RTX 1.6.9" || !strings.Contains(why, "2 × faster") || runs() != 1 {
		t.Errorf("%s, then %s (%s), built %d times", first, name, why, runs())
	}
	if strings.Contains(log.String(), "plan accepted") {
		t.Errorf("it was compared once more: %s", log)
	}
}

// TestWhatWasTimedElsewhereDoesNotCount: beside another attention, with another driver.
func TestWhatWasTimedElsewhereDoesNotCount(t *testing.T) {
	for name, change := range map[string]func(*plansFor){
		"attention": func(p *plansFor) { p.attends.is = "int8" },
		"driver":    func(p *plansFor) { p.on.Driver += "1" },
		"GPU":       func(p *plansFor) { p.on.Name = "Another GPU" },
		"recorded":  func(p *plansFor) { p.recorded = 2 },
	} {
		p, _, runs := planned(t, 1, 9, scripted(9, 1))
		change(p)
		if first, by, _ := ran(t, p, auto); !strings.HasPrefix(first, "ONNX Runtime") || !strings.HasSuffix(by, "9.0x slower") || runs() != 1 {
			t.Errorf("%s: %s, then %s", name, first, by)
		}
		if len(speedsOf(t, p)) != 2 {
			t.Errorf("%s: %v", name, speedsOf(t, p))
		}
	}
}

// TestADamagedTimeIsMeasuredAgain: the plan stays, and nothing is built.
func TestADamagedTimeIsMeasuredAgain(t *testing.T) {
	for name, damage := range map[string]func(path string, raw []byte) error{
		"cut off": func(path string, raw []byte) error { return os.WriteFile(path, raw[:len(raw)/2], 0o600) },
		"empty":   func(path string, _ []byte) error { return os.WriteFile(path, nil, 0o600) },
		"changed": func(path string, raw []byte) error {
			return os.WriteFile(path, bytes.Replace(raw, []byte(`seconds": 27`), []byte(`seconds": 1`), 1), 0o600)
		},
		"negative": func(path string, raw []byte) error {
			return os.WriteFile(path, bytes.Replace(raw, []byte(`seconds": 27`), []byte(`seconds": -7`), 1), 0o600)
		},
		"no file":   func(path string, _ []byte) error { return errorsOf(os.Remove(path), os.Mkdir(path, 0o700)) },
		"too large": func(path string, _ []byte) error { return os.WriteFile(path, make([]byte, 1<<20), 0o600) },
	} {
		p, log, runs := planned(t, 9, 1, scripted(1, 2))
		at := speedsOf(t, p)[0]
		raw, err := os.ReadFile(at)
		if err == nil {
			err = damage(at, raw)
		}
		if err != nil {
			t.Fatal(err)
		}
		if first, by, _ := ran(t, p, auto); !strings.HasPrefix(first, "ONNX Runtime") || by != "TensorRT-RTX 1.6.9" || runs() != 1 {
			t.Errorf("%s: %s, then %s, built %d times\n%s", name, first, by, runs(), log)
		}
		if !strings.Contains(log.String(), "has to be measured again") {
			t.Errorf("%s: %s", name, log)
		}
		if name == "no file" && !strings.Contains(log.String(), "is not kept") {
			t.Errorf("what cannot be kept is not told: %s", log)
		}
	}
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestAPlanThatDoesNotTakeTheDefaultClipIsNotChosen: it was built for smaller ones, and stays for who asks for it.
func TestAPlanThatDoesNotTakeTheDefaultClipIsNotChosen(t *testing.T) {
	p, log := painterOn(t)
	small := []string{"fake 121", "in noise 0 2 4", "in canvas 7 2 4", "out rgb 0 2 4", "out canvas.next 7 2 4"}
	planner, runs := faketrt.Planner(t, "", small...)
	t.Setenv(tensorrt.PlannerEnv, planner)
	if _, name, why := ran(t, p, auto); !strings.HasPrefix(name, "ONNX Runtime") || !strings.Contains(why, "cannot be timed with 4×0, 3 frames") {
		t.Errorf("%s (%s)\n%s", name, why, log)
	}
	if _, name, _ := ran(t, p, tensorRT); !strings.HasPrefix(name, "TensorRT-RTX") || runs() != 1 {
		t.Errorf("%s, built %d times", name, runs())
	}
}

// TestPlansAreComparedAndTimedAheadOfTime is what models plan does on the machine with the GPU.
func TestPlansAreComparedAndTimedAheadOfTime(t *testing.T) {
	p, _ := painterOn(t)
	planner, _ := faketrt.Planner(t, "", painterPlan...)
	plans := tensorrt.Plans{Dir: plansDir(p.m.Dir), Library: p.lib.Name(), Digest: p.m.Manifest.Digest, Builder: &tensorrt.Builder{Planner: planner}}
	if _, err := plans.Plan(context.Background(), p.graphs()[0], p.on); err != nil {
		t.Fatal(err)
	}
	p.time = scripted(9, 1)
	for range 2 {
		pace, err := p.compare(context.Background())
		if err != nil || !pace.Slower() || pace.Plans != 27 || pace.Other != 3 {
			t.Errorf("%+v, %v", pace, err)
		}
		p.time = never(t)
	}
	if first, name, _ := ran(t, p, auto); first != name || !strings.HasSuffix(name, "9.0x slower") {
		t.Errorf("%s, then %s", first, name)
	}
}

// TestAPlanThatIsBuiltAgainMeanwhileIsNotTaken: what was measured, or seen to be right, was of the one before.
func TestAPlanThatIsBuiltAgainMeanwhileIsNotTaken(t *testing.T) {
	p, log := painterOn(t)
	planner, _ := faketrt.Planner(t, "", painterPlan...)
	t.Setenv(tensorrt.PlannerEnv, planner)
	again, _ := faketrt.Planner(t, "", append([]string{"add 0.5"}, painterPlan...)...)
	built := 0
	p.time = func(ctx context.Context, s engine.Session, place func(engine.Tensor) (engine.Value, error), as record.Timed) (time.Duration, time.Duration, error) {
		if built++; built == 1 { // as another process would, while this one times
			rebuilt(t, p, again)
		}
		return scripted(1, 2)(ctx, s, place, as)
	}
	if first, name, why := ran(t, p, auto); first != name || !strings.Contains(why, "another program has built the plan of painter again meanwhile") {
		t.Errorf("%s, then %s (%s)\n%s", first, name, why, log)
	}
	if found, err := filepath.Glob(filepath.Join(p.m.Dir, plansFolder, "*", "*.speed")); len(found) > 0 || err != nil {
		t.Errorf("%v, %v", found, err)
	}
	if _, name, why := ran(t, p, auto); !strings.HasPrefix(name, "ONNX Runtime") || !strings.Contains(why, "it is off by") {
		t.Errorf("the plan that is wrong: %s (%s)", name, why)
	}
}

// rebuilt builds what is in the folder of plans again, with another planner.
func rebuilt(t *testing.T, p *plansFor, planner string) {
	t.Helper()
	facts, err := filepath.Glob(filepath.Join(p.m.Dir, plansFolder, "*", "*.plan.json"))
	if err != nil || len(facts) != 1 {
		t.Fatalf("%v, %v", facts, err)
	}
	f, err := tensorrt.Known(strings.TrimSuffix(facts[0], ".json"))
	if err != nil {
		t.Fatal(err)
	}
	plans := tensorrt.Plans{Dir: plansDir(p.m.Dir), Library: p.lib.Name(), Digest: p.m.Manifest.Digest, Builder: &tensorrt.Builder{Planner: planner}, Again: true,
		Recipe: func(string) (tensorrt.Recipe, error) { return f.Recipe, nil }}
	if path, err := plans.Plan(context.Background(), p.graphs()[0], p.on); err != nil || path != strings.TrimSuffix(facts[0], ".json") {
		t.Fatal(path, err)
	}
}

// stepper is the painter of a model that runs its graph once more for each step, and may want more steps than are asked for.
type stepper struct {
	painter
	wants int
}

func (s stepper) Describe() handler.Description {
	d := s.painter.Describe()
	d.Defaults.Steps = 7
	d.Rehearse = func(r handler.Request) ([]handler.Request, error) {
		r.Steps = max(r.Steps, s.wants)
		return []handler.Request{r}, nil
	}
	return d
}

func (s stepper) Generate(ctx context.Context, r handler.Request, out handler.Output) error {
	r.NumFrames += r.Steps
	return s.painter.Generate(ctx, r, out)
}

// TestAllStepsCount: fewer are timed, and the graph's runs of all are counted, however many the model needs to use all of its parts.
func TestAllStepsCount(t *testing.T) {
	for wants, timed := range map[int]int{0: rehearsedSteps, 4: 4, 9: 9} {
		p, _ := painterOn(t)
		p.open = func(ctx context.Context, m *bundle.Model) (handler.Model, error) {
			return stepper{painter{m.Open(ctx, []string{"painter"})}, wants}, nil
		}
		w, m, err := p.workshop(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		w.measure = true
		if err := w.timeSure(context.Background(), m, "a"); err != nil {
			t.Fatal(err)
		}
		runs := w.counts()["painter"]
		if want := float64(3 + max(7, wants)); runs != 2*(3+timed) || float64(runs)*w.clip.more["painter"] != want {
			t.Errorf("%d runs were timed, and %g are counted for a clip: %d and %g are right", runs, float64(runs)*w.clip.more["painter"], 2*(3+timed), want)
		}
		if err := handler.Close(m); err != nil {
			t.Error(err)
		}
	}
}
