package tensorrt_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/faketrt"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

var gpu = engine.Options{Device: engine.Device{Kind: engine.CUDA}}

// adder is a plan of y = x + carry, also as carry.next.
var adder = []string{"fake 121", "memory 4096", "in x 0 -1", "in carry 0 -1", "out y 0 -1", "out carry.next 0 -1"}

// opened is an engine with a session of a plan of these lines.
func opened(t *testing.T, lines ...string) (*tensorrt.Engine, engine.Session) {
	t.Helper()
	e := tensorrt.New(faketrt.Load(t), nil)
	t.Cleanup(e.Close)
	path := filepath.Join(t.TempDir(), "x.plan")
	faketrt.Plan(t, path, lines...)
	s, err := e.Open(context.Background(), path, gpu)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return e, s
}

func TestResultsStayOnTheDeviceAndFeedTheNextRun(t *testing.T) {
	e, s := opened(t, adder...)
	ctx, x := context.Background(), engine.Floats([]float32{1, 2, 3}, 3)
	var carry engine.Value = engine.Zeros(3)
	for i := range 4 {
		out, err := s.Run(ctx, engine.Values{"x": x, "carry": carry}, "carry.next")
		if err != nil {
			t.Fatal(err)
		}
		if want := float32(i + 1); !slices.Equal(out.Float32("y"), []float32{want, 2 * want, 3 * want}) {
			t.Errorf("run %d: %v", i, out.Float32("y"))
		}
		if next := out["carry.next"]; next.Device().String() != "cuda:0" || next.Type() != onnx.Float32 {
			t.Errorf("carry.next is on %s", next.Device())
		}
		carry.Close()
		carry = out["carry.next"]
	}
	placed, err := e.Place(ctx, x, gpu.Device)
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Run(ctx, engine.Values{"x": placed, "carry": placed})
	if err != nil || !slices.Equal(out.Float32("y"), []float32{2, 4, 6}) {
		t.Errorf("one value twice: %v, %v", out.Float32("y"), err)
	}
	if e.Used() != 4096+12+12 {
		t.Errorf("%d bytes are held: a plan of 4096 and two values of 12 were expected", e.Used())
	}
	if err := errors.Join(placed.Close(), placed.Close(), carry.Close(), s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if _, err := placed.Host(); !errdefs.IsFailedPrecondition(err) {
		t.Errorf("a closed value: %v", err)
	}
	if e.Used() != 0 {
		t.Errorf("%d bytes are left", e.Used())
	}
	if _, err := s.Run(ctx, engine.Values{"x": x, "carry": x}); !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), "closed") {
		t.Errorf("a run after Close: %v", err)
	}
}

// TestAPlanRestsAndComesBack: as a whole, its weights alone, and weights that do not come back.
func TestAPlanRestsAndComesBack(t *testing.T) {
	for _, how := range []string{"memory 4096", "light", "light\nstuck"} {
		e, s := opened(t, append([]string{how}, adder...)...)
		x := engine.Floats([]float32{1}, 1)
		run := func() {
			out, err := s.Run(context.Background(), engine.Values{"x": x, "carry": x})
			if err != nil || out.Float32("y")[0] != 2 {
				t.Errorf("%q: %v, %v", how, out, err)
			}
		}
		run()
		for range 2 {
			e.Rest()
			e.Rest()
			if e.Used() != 0 {
				t.Errorf("%q: %d bytes are held at rest", how, e.Used())
			}
			run()
			if e.Used() != 4096 {
				t.Errorf("%q: %d bytes are held awake", how, e.Used())
			}
		}
		e.Rest()
		if err := s.Close(); err != nil || e.Used() != 0 {
			t.Errorf("%q: closed at rest: %v, %d bytes", how, err, e.Used())
		}
	}
}

func TestWhatARunTakesIsChecked(t *testing.T) {
	_, s := opened(t, "fake 121", "in ids 3 -1", "in x 0 -1", "out y 0 -1")
	ctx, ids, x := context.Background(), engine.Ints([]int64{5, 7}, 2), engine.Zeros(2)
	out, err := s.Run(ctx, engine.Values{"ids": ids, "x": x})
	if err != nil || !slices.Equal(out.Float32("y"), []float32{5, 7}) {
		t.Errorf("int64 for a plan of int32: %v, %v", out.Float32("y"), err)
	}
	for say, in := range map[string]engine.Values{
		"needs the input x":         {"ids": ids},
		"has no input z":            {"ids": ids, "x": x, "z": x},
		"has the element type":      {"ids": x, "x": x},
		"which the plan's 32 bits":  {"ids": engine.Ints([]int64{1 << 40, 0}, 2), "x": x},
		"does not take this shape":  {"ids": ids, "x": engine.Zeros(1, 2)},
		"holds []float32 of 1 elem": {"ids": ids, "x": engine.Tensor{Shape: []int64{2}, Data: make([]float32, 1)}},
	} {
		if _, err := s.Run(ctx, in); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v", say, err)
		}
	}
	if _, err := s.Run(ctx, engine.Values{"ids": ids, "x": x}, "nowhere"); !errdefs.IsInvalidArgument(err) {
		t.Errorf("an output that is not there: %v", err)
	}
	cause := errors.New("the client went away")
	ended, cancel := context.WithCancelCause(ctx)
	cancel(cause)
	if _, err := s.Run(ended, engine.Values{"ids": ids, "x": x}); !errors.Is(err, cause) {
		t.Errorf("a context that has ended: %v", err)
	}
}

func TestRunsAndACloseOverlap(t *testing.T) {
	_, s := opened(t, adder...)
	x := engine.Zeros(1000)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for {
				if _, err := s.Run(context.Background(), engine.Values{"x": x, "carry": x}); err != nil {
					if !errdefs.IsFailedPrecondition(err) {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	all.Wait()
}

func TestPlansThatCannotRunAreRefused(t *testing.T) {
	lib, dir, ctx := faketrt.Load(t), t.TempDir(), context.Background()
	e := tensorrt.New(lib, nil)
	defer e.Close()
	for name, c := range map[string]struct {
		lines []string
		is    func(error) bool
		say   string
	}{
		"noise":      {[]string{"not a plan"}, errdefs.IsInvalidArgument, "refuses the plan"},
		"another":    {[]string{"fake 90", "in x 0 1", "out y 0 1"}, errdefs.IsInvalidArgument, "not for this GPU"},
		"of a type":  {[]string{"fake 121", "in x 99 1", "out y 0 1"}, errdefs.IsNotImplemented, "element type 99"},
		"that fails": {[]string{"fake 121", "fail", "in x 0 1", "out y 0 1"}, errdefs.IsInternal, "does not run the plan"},
	} {
		path := filepath.Join(dir, name+".plan")
		faketrt.Plan(t, path, c.lines...)
		s, err := e.Open(ctx, path, gpu)
		if err == nil {
			_, err = s.Run(ctx, engine.Values{"x": engine.Zeros(1)})
			s.Close()
		}
		if err == nil || !c.is(err) || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if e.Used() != 0 {
		t.Errorf("%d bytes are left", e.Used())
	}
	if _, err := e.Open(ctx, filepath.Join(dir, "nowhere.plan"), gpu); !errdefs.IsNotFound(err) {
		t.Errorf("no plan: %v", err)
	}
	if _, err := e.Open(ctx, filepath.Join(dir, "x.onnx"), gpu); !errdefs.IsNotFound(err) {
		t.Errorf("a graph without a planner: %v", err)
	}
	if _, err := e.Open(ctx, filepath.Join(dir, "noise.plan"), engine.Options{}); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "runs on a GPU") {
		t.Errorf("on the CPU: %v", err)
	}
}

func TestDeviceMemoryIsBounded(t *testing.T) {
	e := tensorrt.New(faketrt.Load(t), nil)
	defer e.Close()
	path, o := filepath.Join(t.TempDir(), "x.plan"), gpu
	o.Memory = 4096 + 100
	faketrt.Plan(t, path, adder...)
	s, err := e.Open(context.Background(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Run(context.Background(), engine.Values{"x": engine.Zeros(1000), "carry": engine.Zeros(1000)}); !errdefs.IsResourceExhausted(err) {
		t.Errorf("8000 bytes where 100 are left: %v", err)
	}
	if _, err := e.Open(context.Background(), path, o); !errdefs.IsResourceExhausted(err) {
		t.Errorf("a second plan: %v", err)
	}
	if e.Used() != 4096 {
		t.Errorf("%d bytes are held", e.Used())
	}
}
