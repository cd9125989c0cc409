package nn

import (
	"io"
	"math"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// shapes is a checkpoint of zeros.
type shapes map[string][]int64

func (s shapes) Info(name string) (weights.Info, error) {
	if s[name] == nil {
		return weights.Info{}, errdefs.ErrNotFound
	}
	return weights.Info{Name: name, DType: weights.F32, Shape: s[name]}, nil
}

func (s shapes) ReadFloat32(name string, at int64, dst []float32) error {
	clear(dst)
	_, err := s.Info(name)
	return err
}

func dense(src Source) (*Net, error) {
	n := New("g", "c", Options{Weights: src})
	x := n.Input("x", onnx.Float32, "rows", 3)
	n.Output("y", n.Dense(x, "fc", 3, 2, true), onnx.Float32, "rows", 2)
	_, err := n.Model()
	return n, err
}

func TestWeightsAreCheckedAgainstTheConfiguration(t *testing.T) {
	if _, err := dense(shapes{"fc.weight": {2, 3}, "fc.bias": {2}}); err != nil {
		t.Error(err)
	}
	if _, err := dense(shapes{"fc.weight": {3, 2}, "fc.bias": {3}}); err == nil || !strings.Contains(err.Error(), "; tensor fc.bias") || strings.Contains(err.Error(), "\n") {
		t.Errorf("two mistakes are not one sentence: %v", err)
	}
	if _, err := dense(shapes{"fc.weight": {3, 2}, "fc.bias": {2}}); err == nil || !strings.Contains(err.Error(), "fc.weight of c has the shape [3 2], its configuration needs [2 3]") {
		t.Errorf("a transposed weight: %v", err)
	}
	if _, err := dense(shapes{"fc.weight": {2, 3}}); !errdefs.IsNotFound(err) {
		t.Errorf("a missing bias: %v", err)
	}
}

func TestAGraphWithoutCheckpointCountsButCannotBeWritten(t *testing.T) {
	n, err := dense(nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := n.Model()
	if err != nil || m.Parameters() != 8 || len(n.Params()) != 2 {
		t.Errorf("%d parameters, %v, %v", m.Parameters(), n.Params(), err)
	}
	if err := m.Graph.Initializers[0].Content(io.Discard); !errdefs.IsFailedPrecondition(err) {
		t.Errorf("a weight of no checkpoint: %v", err)
	}
}

func TestRotaryTables(t *testing.T) {
	cos, sin := RotaryTables(100, RotaryAxis{Dim: 4, Size: 2}, RotaryAxis{Dim: 2, Size: 3})
	if len(cos) != 6*3 || len(sin) != 6*3 {
		t.Fatalf("%d cosines", len(cos))
	}
	row := 3 * (1*3 + 2) // position (1, 2): angles 1, 1/10 and 2
	for i, angle := range []float64{1, 0.1, 2} {
		if cos[row+i] != float32(math.Cos(angle)) || sin[row+i] != float32(math.Sin(angle)) {
			t.Errorf("angle %d is (%g, %g), want that of %g", i, cos[row+i], sin[row+i], angle)
		}
	}
}

func TestSinusoid(t *testing.T) {
	v := Sinusoid(3, 4) // frequencies 1 and 1/100
	for i, want := range []float64{math.Cos(3), math.Cos(0.03), math.Sin(3), math.Sin(0.03)} {
		if math.Abs(float64(v[i])-want) > 1e-6 {
			t.Errorf("value %d is %g, want %g", i, v[i], want)
		}
	}
}
