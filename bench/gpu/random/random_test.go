package random

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// twice is a graph of products that are larger than the places are apart.
func twice(t *testing.T, name string, width int64) *onnx.Model {
	t.Helper()
	n := nn.New(name, name, nn.Options{})
	x := n.Input("x", onnx.Float32, 1, 4, width)
	for _, layer := range []string{"a", "b", "c"} {
		x = n.Linear(x, layer, width, width, true)
	}
	n.Output("y", x, onnx.Float32, 1, 4, width)
	m, err := n.Model()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// What is stored is what engines take: no two weights share bytes of a file, each lies in a file that is long enough; and a graph
// stored after it, in the same folder and larger, leaves it as it is.
func TestStoredWeightsLieWhereTheyMay(t *testing.T) {
	dir := t.TempDir()
	first := twice(t, "first", 256)
	if _, err := Store(dir, "first.onnx", first); err != nil {
		t.Fatal(err)
	}
	held, err := os.Open(filepath.Join(dir, "first.onnx.0.f32.bin"))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	second := twice(t, "second", 2048)
	for range 2 { // over itself, too
		if _, err := Store(dir, "second.onnx", second); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range []*onnx.Model{first, second} {
		if err := m.CheckPlaces(); err != nil {
			t.Error(err)
		}
		placed := 0
		for _, w := range m.Graph.Initializers {
			if w.External == nil {
				continue
			}
			placed++
			if st, err := os.Lstat(filepath.Join(dir, w.External.Location)); err != nil || !st.Mode().IsRegular() || st.Size() < w.External.Offset+w.External.Length {
				t.Errorf("%s ends at byte %d of %v: %v", w.Name, w.External.Offset+w.External.Length, st, err)
			}
		}
		if placed < 6 {
			t.Errorf("%d weights are placed", placed)
		}
	}
	var b [4]byte
	if _, err := held.ReadAt(b[:], 0); err != nil {
		t.Errorf("the first graph's weights are gone: %v", err)
	}
}
