package record

import (
	"context"
	"reflect"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// still is an engine whose sessions give nothing.
type still struct{ engine.Engine }

func (still) Open(context.Context, string, engine.Options) (engine.Session, error) {
	return silent{}, nil
}

type silent struct{ engine.Session }

func (silent) Run(context.Context, engine.Values, ...string) (engine.Values, error) { return nil, nil }

func TestShapesAreTheLeastAndTheGreatestThatWereFed(t *testing.T) {
	e := New(still{})
	s, err := e.Open(context.Background(), "/models/m/transformer.cpu.onnx", engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, rows := range []int64{6, 2, 9} {
		in := engine.Values{"x": engine.Zeros(1, rows, 3), "time": engine.Zeros()}
		if _, err := s.Run(context.Background(), in); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]Range{"x": {Least: []int64{1, 2, 3}, Most: []int64{1, 9, 3}}, "time": {Least: []int64{}, Most: []int64{}}}
	if got := e.Shapes("transformer"); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if got := e.Shapes("vae"); len(got) != 0 {
		t.Errorf("%+v of a graph that never ran", got)
	}
}
