package accept

import (
	"context"
	"slices"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// echo is a session that gives back its state.
type echo struct{ engine.Session }

func (echo) Inputs() []engine.Info {
	return []engine.Info{{Name: "cache.00", Type: onnx.Float32, Shape: []int64{1, 3, 2, -1, -1}}}
}

func (echo) Run(_ context.Context, in engine.Values, _ ...string) (engine.Values, error) {
	return engine.Values{"cache.00.next": in["cache.00"]}, nil
}

func TestStatesOfAnotherFormAreComparedInThisOne(t *testing.T) {
	inner, front := engine.Zeros(1, 2, 4, 5, 3), engine.Zeros(1, 3, 2, 4, 5)
	for p := range 2 * 4 * 5 {
		for c := range 3 {
			inner.Float32()[p*3+c] = float32(100*c + p)
			front.Float32()[c*40+p] = float32(100*c + p)
		}
	}
	for _, state := range []engine.Tensor{inner, front} {
		c := []record.Capture{{Inputs: engine.Values{"cache.00": state}, Outputs: engine.Values{"cache.00.next": state}}}
		if v, err := Compare(context.Background(), echo{}, c, 1e-6); err != nil || !v.OK() {
			t.Errorf("%v: %s, %v", state.Shape, v, err)
		}
	}
	in, err := fit(engine.Values{"cache.00": inner}, echo{}.Inputs())
	if got, _ := in.Tensor("cache.00"); err != nil || !slices.Equal(got.Shape, front.Shape) || !slices.Equal(got.Float32(), front.Float32()) {
		t.Errorf("%v is not as the other graph takes it: %v", got.Shape, err)
	}
	for _, same := range [][]int64{{1, 2}, {1, 9, 2, 4, 5}} {
		if got := Form(same, []int64{1, 3, 2, -1, -1}); !slices.Equal(got, same) {
			t.Errorf("%v became %v", same, got)
		}
	}
}
