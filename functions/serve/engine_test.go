package serve

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/faketrt"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve/duo"
)

// The painter of these tests adds noise to a canvas that stays on the device: what a plan of package faketrt computes.
var painterPlan = []string{"fake 121", "memory 1000", "in noise 0 -1 4", "in canvas 7 -1 4", "out rgb 0 -1 4", "out canvas.next 7 -1 4"}

func painterGraph(o nn.Options) (*nn.Net, error) {
	g := nn.New("painter", "painter", o)
	y := g.Add(g.Input("noise", onnx.Float32, "pixels", 4), g.State("canvas", "pixels", 4))
	g.Output("rgb", y, onnx.Float32, "pixels", 4)
	g.Keep("canvas.next", y, "pixels", 4)
	return g, nil
}

// painter makes clips of that graph; a frame is one byte of each run's sum.
type painter struct{ sessions *bundle.Sessions }

func openPainter(ctx context.Context, m *bundle.Model) (handler.Model, error) {
	return painter{m.Open(ctx, []string{"painter"})}, nil
}

func (painter) Describe() handler.Description {
	return handler.Description{Name: "painter", Defaults: handler.Request{NumFrames: 3, Width: 4}, Limits: handler.Limits{WidthMultiple: 2, HeightMultiple: 2, FrameStep: 1}}
}

func (p painter) Close() error { return p.sessions.Close() }

func (p painter) Generate(ctx context.Context, r handler.Request, out handler.Output) error {
	pixels := int64(r.Width)
	in := engine.Values{"canvas": engine.Zeros(pixels, 4)}
	defer func() { in.Close() }()
	for i := range r.NumFrames {
		noise := engine.Zeros(pixels, 4)
		for j := range noise.Float32() {
			noise.Float32()[j] = float32(i + 1 + j%2)
		}
		in["noise"] = noise
		s, err := p.sessions.Get(ctx, "painter")
		if err != nil {
			return err
		}
		if i == 0 && s.Inputs()[1].Type == onnx.BFloat16 {
			in["canvas"] = engine.Tensor{Shape: []int64{pixels, 4}, Data: make([]engine.BFloat16, 4*pixels)}
		}
		got, err := s.Run(ctx, in, "canvas.next")
		if err != nil {
			return err
		}
		in.Close()
		in = engine.Values{"canvas": got["canvas.next"]}
		if err := out.Frame([]byte{byte(got.Float32("rgb")[0])}); err != nil {
			return err
		}
	}
	return nil
}

// anywhere is ONNX Runtime on the CPU, whatever device is named: these tests' machines have no GPU.
type anywhere struct{ engine.Engine }

func (a anywhere) Open(ctx context.Context, path string, o engine.Options) (engine.Session, error) {
	o.Device = engine.Device{}
	return a.Engine.Open(ctx, path, o)
}

// scripted times both engines as they run, and then says that they took these seconds: what is chosen hangs on no machine.
func scripted(plan, other float64) timer {
	return func(ctx context.Context, s engine.Session, place func(engine.Tensor) (engine.Value, error), as record.Timed) (time.Duration, time.Duration, error) {
		took, best, err := both(ctx, s, place, as)
		if err == nil && (took <= 0 || best <= 0) {
			err = fmt.Errorf("%s and %s are no times", took, best)
		}
		return time.Duration(plan * float64(time.Second)), time.Duration(other * float64(time.Second)), err
	}
}

// painterOn is the painter's bundle, and it as TensorRT may run it.
func painterOn(t *testing.T) (*plansFor, *bytes.Buffer) {
	t.Helper()
	ctx, dir := context.Background(), filepath.Join(t.TempDir(), "painter")
	r := bundle.Recipe{Family: "painter", Name: "painter", Weights: func(string) nn.Source { return &weights.Set{} },
		Graphs: []bundle.Graph{{Name: "painter", Component: "painter", Build: painterGraph}}}
	if _, err := bundle.Build(ctx, r, dir, bundle.Options{Targets: []bundle.Target{{Engine: "cuda"}, TensorRT()}}); err != nil {
		t.Fatal(err)
	}
	b, err := weights.OpenBundle(ctx, dir, weights.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := ort.Load()
	if err != nil {
		t.Fatal(err)
	}
	lib := faketrt.Load(t)
	on := engine.Device{Kind: engine.CUDA}
	p := &plansFor{m: &bundle.Model{Bundle: b, Engine: anywhere{e}, Options: engine.Options{Device: on}}, lib: lib, engine: tensorrt.New(lib, nil), open: openPainter, time: scripted(1, 2)}
	t.Cleanup(p.engine.Close)
	if p.on, err = p.engine.Device(on); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	p.log = slog.New(slog.NewTextHandler(&log, nil))
	return p, &log
}

// clip is the frames of the default clip, and the engine that made it.
func clip(t *testing.T, m handler.Model) (string, string) {
	t.Helper()
	name, _ := m.(interface{ Engine() (string, string) }).Engine()
	var frames []byte
	out := handler.Silent()
	out.Frame = func(rgb []byte) error { frames = append(frames, rgb...); return nil }
	if err := m.Generate(context.Background(), m.Describe().Defaults, out); err != nil {
		t.Fatal(err)
	}
	return string(frames), name
}

const painted = "\x01\x03\x06"

func TestAutoBuildsComparesAndChangesOver(t *testing.T) {
	p, log := painterOn(t)
	planner, runs := faketrt.Planner(t, "", painterPlan...)
	t.Setenv(tensorrt.PlannerEnv, planner)
	m, err := p.serve(context.Background(), auto)
	if err != nil {
		t.Fatal(err)
	}
	if frames, _ := clip(t, m); frames != painted {
		t.Errorf("%q", frames)
	}
	<-m.(*duo.Model).Prepared()
	if frames, by := clip(t, m); frames != painted || by != "TensorRT-RTX 1.6.9" {
		t.Errorf("%q by %s\n%s", frames, by, log)
	}
	if err := handler.Close(m); err != nil {
		t.Error(err)
	}
	if m, err = p.serve(context.Background(), tensorRT); err != nil { // accepted before
		t.Fatal(err)
	}
	if frames, by := clip(t, m); frames != painted || by != "TensorRT-RTX 1.6.9" || runs() != 1 {
		t.Errorf("%q by %s, built %d times", frames, by, runs())
	}
	if err := handler.Close(m); err != nil || p.engine.Used() != 0 {
		t.Error(err, p.engine.Used())
	}
}

// TestAPlanThatIsOffIsThrownAway: its figure is in the log, nothing of it stays, and the other engine answers.
func TestAPlanThatIsOffIsThrownAway(t *testing.T) {
	for say, line := range map[string]string{"it is off by 0.25 of the largest value of": "add 0.5", "does not run the plan": "fail"} {
		p, log := painterOn(t)
		planner, _ := faketrt.Planner(t, "", append([]string{line}, painterPlan...)...)
		t.Setenv(tensorrt.PlannerEnv, planner)
		m, err := p.serve(context.Background(), auto)
		if err != nil {
			t.Fatal(err)
		}
		<-m.(*duo.Model).Prepared()
		if _, why := m.(*duo.Model).Engine(); !strings.Contains(why, say) || !strings.Contains(log.String(), say) {
			t.Errorf("%s: %s\n%s", line, why, log)
		}
		if frames, by := clip(t, m); frames != painted || !strings.HasPrefix(by, "ONNX Runtime") {
			t.Errorf("%q by %s", frames, by)
		}
		left, err := filepath.Glob(filepath.Join(p.m.Dir, plansFolder, "*", "*"))
		if len(left) > 0 || err != nil {
			t.Errorf("%v are left, %v", left, err)
		}
		if err := handler.Close(m); err != nil || p.engine.Used() != 0 {
			t.Error(err, p.engine.Used())
		}
	}
}

func TestTensorRTAloneWantsPlans(t *testing.T) {
	p, _ := painterOn(t)
	if _, err := p.serve(context.Background(), tensorRT); !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), "videosdgx models plan") {
		t.Error(err)
	}
	planner, _ := faketrt.Planner(t, "", painterPlan...)
	plans := tensorrt.Plans{Dir: plansDir(p.m.Dir), Library: p.lib.Name(), Digest: p.m.Manifest.Digest, Builder: &tensorrt.Builder{Planner: planner}}
	if _, err := plans.Plan(context.Background(), p.graphs()[0], p.on); err != nil { // ahead of time, as models plan does
		t.Fatal(err)
	}
	m, err := p.serve(context.Background(), tensorRT)
	if err != nil {
		t.Fatal(err)
	}
	defer handler.Close(m)
	if frames, by := clip(t, m); frames != painted || by != "TensorRT-RTX 1.6.9" {
		t.Errorf("%q by %s", frames, by)
	}
}

// TestNothingIsTriedOutOnAFullGPU: what answers there needs its memory.
func TestNothingIsTriedOutOnAFullGPU(t *testing.T) {
	t.Setenv("FAKE_GPU_FULL", "1") // read by the double as C, which sees what Go sets
	p, _ := painterOn(t)
	planner, _ := faketrt.Planner(t, "", painterPlan...)
	t.Setenv(tensorrt.PlannerEnv, planner)
	m, err := p.serve(context.Background(), auto)
	if err != nil {
		t.Fatal(err)
	}
	defer handler.Close(m)
	<-m.(*duo.Model).Prepared()
	if _, why := m.(*duo.Model).Engine(); !strings.Contains(why, "0 MiB are free") || !strings.Contains(why, "models plan") {
		t.Error(why)
	}
	if left, err := os.ReadDir(plansDir(p.m.Dir)); !os.IsNotExist(err) {
		t.Errorf("a folder of plans is left: %v, %v", left, err)
	}
	if frames, by := clip(t, m); frames != painted || !strings.HasPrefix(by, "ONNX Runtime") {
		t.Errorf("%q by %s", frames, by)
	}
}

// TestWhatCannotBeKeptIsNotBuilt: a bundle that is mounted read-only.
func TestWhatCannotBeKeptIsNotBuilt(t *testing.T) {
	p, _ := painterOn(t)
	planner, runs := faketrt.Planner(t, "", painterPlan...)
	t.Setenv(tensorrt.PlannerEnv, planner)
	t.Setenv(PlansEnv, "/proc/nobody-makes-folders-here")
	m, err := p.serve(context.Background(), auto)
	if err != nil {
		t.Fatal(err)
	}
	defer handler.Close(m)
	<-m.(*duo.Model).Prepared()
	if _, why := m.(*duo.Model).Engine(); !strings.Contains(why, "videosdgx models plan") || runs() != 0 {
		t.Errorf("%s, built %d times", why, runs())
	}
}

func TestWithoutWhatTensorRTNeedsTheOtherAnswers(t *testing.T) {
	p, _ := painterOn(t)
	t.Setenv(tensorrt.PlannerEnv, "")
	m, err := p.serve(context.Background(), auto)
	if err != nil {
		t.Fatal(err)
	}
	<-m.(*duo.Model).Prepared()
	if _, why := m.(*duo.Model).Engine(); !strings.Contains(why, "make build") {
		t.Error(why)
	}
	if frames, _ := clip(t, m); frames != painted {
		t.Errorf("%q", frames)
	}
	if err := handler.Close(m); err != nil {
		t.Error(err)
	}
	t.Setenv(tensorrt.LibraryEnv, t.TempDir())
	for say, on := range map[string]choice{"the model is on the CPU": {}, "shared by several": {Device: p.m.Options.Device, beside: []engine.Device{{Kind: engine.CUDA, Index: 1}}}, "make setup-tensorrt": {Device: p.m.Options.Device}} {
		if _, err := asTensorRT(p.m, on); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v", say, err)
		}
		m, err := enginesOf(context.Background(), auto, p.m, on, openPainter)
		if err != nil {
			t.Fatal(err)
		}
		if name, why := m.(plain).Engine(); !strings.HasPrefix(name, "ONNX Runtime") || !strings.Contains(why, say) || strings.HasSuffix(why, "failed precondition") {
			t.Errorf("%s (%s)", name, why)
		}
		if err := handler.Close(m); err != nil {
			t.Error(err)
		}
		if _, err := enginesOf(context.Background(), tensorRT, p.m, on, openPainter); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("asked for: %v", err)
		}
	}
	os.Setenv(EngineEnv, "fast")
	defer os.Unsetenv(EngineEnv)
	if _, err := askedEngine(); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "would do") {
		t.Error(err)
	}
}
