package accept

import (
	"context"
	"slices"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// heard is a session that keeps what it was fed.
type heard struct {
	engine.Session
	fed      []engine.Values
	resident []string
}

func (*heard) Inputs() []engine.Info {
	return []engine.Info{{Name: "x", Type: onnx.Float32, Shape: []int64{1, -1}}, {Name: "tokens", Type: onnx.Int32, Shape: []int64{-1}},
		{Name: "cache", Type: onnx.BFloat16, Shape: []int64{1, 3, 2, -1, -1}}}
}

func (h *heard) Run(_ context.Context, in engine.Values, resident ...string) (engine.Values, error) {
	h.fed, h.resident = append(h.fed, in), resident
	return engine.Values{"y": engine.Zeros(1)}, nil
}

func TestAPlanIsTimedAsTheOtherEngineRan(t *testing.T) {
	placed := 0
	place := func(t engine.Tensor) (engine.Value, error) { placed++; return t, nil }
	h := &heard{}
	as := record.Timed{Shapes: map[string][]int64{"x": {1, 7}, "tokens": {5}, "cache": {1, 2, 4, 5, 3}}, Placed: []string{"cache"}, Resident: []string{"y"}}
	if d, err := Time(context.Background(), h, place, as, 3); err != nil || d < 0 || len(h.fed) != 4 || placed != 1 || !slices.Equal(h.resident, as.Resident) {
		t.Errorf("%v, %v: %d runs, %d placed, %v stay", d, err, len(h.fed), placed, h.resident)
	}
	in := h.fed[3]
	x, _ := in.Tensor("x")
	tokens, _ := in.Tensor("tokens")
	cache, _ := in.Tensor("cache")
	if !slices.Equal(x.Shape, []int64{1, 7}) || x.Float32()[0] == 0 || x.Float32()[0] == x.Float32()[6] {
		t.Errorf("%v", x)
	}
	if i, ok := tokens.Data.([]int32); !ok || len(i) != 5 || i[4] != 0 {
		t.Errorf("%v", tokens)
	}
	if c, ok := cache.Data.([]engine.BFloat16); !ok || !slices.Equal(cache.Shape, []int64{1, 3, 2, 4, 5}) || c[119] == 0 {
		t.Errorf("%v", cache.Shape)
	}
	delete(as.Shapes, "x")
	if _, err := Time(context.Background(), h, place, as, 3); !errdefs.IsInvalidArgument(err) {
		t.Errorf("an input that the other engine has not: %v", err)
	}
}

func TestNoiseFillsWhatIsLargerThanABlock(t *testing.T) {
	in, err := noise([]engine.Info{{Name: "x", Type: onnx.Float16, Shape: []int64{-1}}}, nil, record.Timed{Shapes: map[string][]int64{"x": {1<<16 + 3}}})
	if err != nil {
		t.Fatal(err)
	}
	x, _ := in.Tensor("x")
	f, ok := Floats(x)
	if !ok || len(f) != 1<<16+3 || f[1<<16] != f[0] {
		t.Fatalf("%d numbers", len(f))
	}
	for _, v := range f {
		if v > -0.5 && v < 0.5 || v > 1 || v < -1 {
			t.Fatalf("%g is not as large as the others", v)
		}
	}
}
