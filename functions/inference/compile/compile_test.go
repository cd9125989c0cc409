package compile

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// keep is an optimiser that changes nothing and remembers what it was given.
type keep struct{ seen []*onnx.Model }

func (k *keep) Optimise(_ context.Context, from, to string) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	m, err := onnx.Decode(raw)
	k.seen = append(k.seen, m)
	return errors.Join(err, os.WriteFile(to, raw, 0o600))
}

func twoWeights(t *testing.T) *onnx.Model {
	t.Helper()
	b := onnx.NewBuilder("g")
	x := b.Input("x", onnx.Float32, 2048)
	for name, n := range map[string]int64{"large": 2048, "small": 1} {
		x = b.Mul(x, b.Weight(name, onnx.Float32, []int64{n}, func(w io.Writer) error { _, err := w.Write(bytes.Repeat([]byte{byte(n)}, int(4*n))); return err }))
	}
	b.Output("y", b.Add(x, b.Float(1)), onnx.Float32, 2048)
	m, err := b.Model()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestGraphsShareWeightsTheOptimiserNeverSees(t *testing.T) {
	dir, opt := t.TempDir(), &keep{}
	w, err := Resume(dir, filepath.Join(t.TempDir(), "journal"))
	if err != nil {
		t.Fatal(err)
	}
	w = w.With(opt)
	for _, name := range []string{"a", "b"} {
		if err := w.Add(context.Background(), name+".onnx", twoWeights(t)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if in, init := len(opt.seen[0].Graph.Inputs), len(opt.seen[0].Graph.Initializers); in != 3 || init != 1 {
		t.Errorf("the optimiser saw %d inputs and %d initializers, want 3 and the constant", in, init)
	}
	for _, name := range []string{"a", "b"} {
		raw, err := os.ReadFile(filepath.Join(dir, name+".onnx"))
		if err != nil {
			t.Fatal(err)
		}
		m, err := onnx.Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		check(t, m)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Errorf("the bundle has %v, %v", entries, err)
	}
	if st, err := os.Stat(filepath.Join(dir, DataName)); err != nil || st.Size() != 8192 {
		t.Errorf("the data file: %v, %v", st, err)
	}
}

func check(t *testing.T, m *onnx.Model) {
	t.Helper()
	if len(m.Graph.Inputs) != 1 || m.Graph.Inputs[0].Name != "x" {
		t.Errorf("inputs %v", m.Graph.Inputs)
	}
	for _, w := range m.Graph.Initializers {
		switch w.Name {
		case "large":
			if w.External == nil || *w.External != (onnx.External{Location: DataName, Length: 8192}) {
				t.Errorf("large lies at %v", w.External)
			}
		case "small":
			if !bytes.Equal(w.Raw, []byte{1, 1, 1, 1}) {
				t.Errorf("small is %v", w.Raw)
			}
		}
	}
}

func TestCancelledBuildLeavesNoScratch(t *testing.T) {
	dir, cause := t.TempDir(), errors.New("enough")
	w, err := Resume(dir, filepath.Join(t.TempDir(), "journal"))
	if err != nil {
		t.Fatal(err)
	}
	w = w.With(&keep{})
	defer w.Close()
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	if err := w.Add(ctx, "a", twoWeights(t)); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".optimise-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
