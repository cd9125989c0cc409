package footprint

import (
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

func model(t *testing.T, build func(b *onnx.Builder)) *onnx.Model {
	t.Helper()
	b := onnx.NewBuilder("g")
	build(b)
	m, err := b.Model()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Counted by hand, in float32 values of a vector of n: x (n) lives until the product with t, t and s are n each, the sum
// overwrites s, the concatenation is 2n.
func TestPeakCountedByHand(t *testing.T) {
	m := model(t, func(b *onnx.Builder) {
		x := b.Input("x", onnx.Float32, "n")
		s := b.Mul(b.Op("Sigmoid", []onnx.Value{x}), x)               // the sigmoid is written over
		b.Output("y", b.Concat(0, s, b.Add(s, s)), onnx.Float32, "m") // s is read again: the sum is new
	})
	p, err := Of(m, map[string]int64{"n": 1000}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(4 * 4 * 1000); p.Bytes != want { // s, the sum, and the two together
		t.Errorf("%d bytes at %s, want %d", p.Bytes, p.At, want)
	}
	if !slices.Equal(p.Out["y"], []int64{2000}) {
		t.Errorf("y is %v", p.Out["y"])
	}
}

func TestWhatIsNotKnownIsNoGuess(t *testing.T) {
	m := model(t, func(b *onnx.Builder) {
		b.Output("y", b.Op("Einsum", []onnx.Value{b.Input("x", onnx.Float32, "n")}), onnx.Float32, "n")
	})
	if _, err := Of(m, map[string]int64{"n": 1}, nil); !errdefs.IsNotImplemented(err) || !strings.Contains(err.Error(), "Einsum") {
		t.Errorf("an operator without a rule: %v", err)
	}
	if _, err := Of(m, nil, nil); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "dimension n of x") {
		t.Errorf("a dimension without a size: %v", err)
	}
}
