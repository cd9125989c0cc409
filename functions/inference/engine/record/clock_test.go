package record

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// broken is an engine whose runs fail.
type broken struct{ engine.Engine }

func (broken) Open(context.Context, string, engine.Options) (engine.Session, error) {
	return failing{}, nil
}

type failing struct{ engine.Session }

func (failing) Run(context.Context, engine.Values, ...string) (engine.Values, error) {
	return nil, errors.New("failed")
}

func runs(t *testing.T, e *Engine, ok bool, in engine.Values, resident ...string) {
	t.Helper()
	s, err := e.Open(context.Background(), "/models/m/vae.cuda.onnx", engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(context.Background(), in, resident...); (err == nil) != ok {
		t.Fatal(err)
	}
}

func TestRunsOfTheSameShapesAreTimedTogether(t *testing.T) {
	wide, narrow := engine.Values{"x": engine.Zeros(1, 8)}, engine.Values{"x": engine.Spent{Value: engine.Zeros(1, 4)}}
	e := New(still{})
	runs(t, e, true, wide)
	if got := e.Timed("vae"); len(got) > 0 {
		t.Errorf("timed unasked: %+v", got)
	}
	e.Clock()
	runs(t, e, true, wide)
	e.Clock() // what was timed before is forgotten
	runs(t, e, true, wide, "b", "a")
	runs(t, e, true, wide, "a", "b")
	runs(t, e, true, narrow)
	got := e.Timed("vae")
	if len(got) != 2 || len(e.Timed("other")) != 0 {
		t.Fatalf("%+v", got)
	}
	if w := got[0]; w.Runs != 2 || !reflect.DeepEqual(w.Shapes["x"], []int64{1, 8}) || !reflect.DeepEqual(w.Resident, []string{"a", "b"}) || len(w.Placed) > 0 {
		t.Errorf("%+v", w)
	}
	if n := got[1]; n.Runs != 1 || !reflect.DeepEqual(n.Shapes["x"], []int64{1, 4}) {
		t.Errorf("%+v", n)
	}
	e = New(broken{})
	e.Clock()
	runs(t, e, false, wide)
	if got := e.Timed("vae"); len(got) > 0 {
		t.Errorf("a run that failed was timed: %+v", got)
	}
}

func TestTheBestOfSeveralRunsCounts(t *testing.T) {
	e := New(still{})
	e.Clock()
	for _, d := range []time.Duration{9, 3, 5} {
		e.took("vae", engine.Values{"x": engine.Zeros(2)}, nil, d)
	}
	if got := e.Timed("vae"); len(got) != 1 || got[0].Best != 3 || got[0].Runs != 3 {
		t.Errorf("%+v", got)
	}
}
