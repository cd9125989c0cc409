package bundle

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// halting is a source that remembers what is read, and stops the build at one of the tensors.
type halting struct {
	nn.Source
	read map[string]int
	at   string
	stop context.CancelCauseFunc
}

func (h *halting) ReadFloat32(name string, at int64, dst []float32) error {
	h.read[name]++
	if name == h.at {
		h.stop(errInterrupt)
	}
	return h.Source.ReadFloat32(name, at, dst)
}

var errInterrupt = errors.New("interrupt")

// wide is a graph of some layers whose weights are pages.
func wide(o nn.Options) (*nn.Net, error) {
	n := nn.New("g", "c", o)
	x := n.Input("x", onnx.Float32, "rows", 64)
	for _, name := range []string{"a", "b", "c", "d"} {
		x = n.Dense(x, name, 64, 64, false)
	}
	n.Output("y", x, onnx.Float32, "rows", 64)
	return n, nil
}

func resumable(t *testing.T, at string) (Recipe, *halting, context.Context) {
	t.Helper()
	r := Recipe{Family: "f", Name: "n", Graphs: []Graph{{Name: "g", Component: "c", Build: wide}}}
	if _, err := r.Randomise(); err != nil {
		t.Fatal(err)
	}
	r.Identity = "this very checkpoint"
	ctx, stop := context.WithCancelCause(context.Background())
	h := &halting{Source: r.Weights("c"), read: map[string]int{}, at: at, stop: stop}
	r.Weights = func(string) nn.Source { return h }
	return r, h, ctx
}

func target() []Target { return []Target{{Engine: "cpu"}} }

func TestAnInterruptedBuildGoesOn(t *testing.T) {
	parent := t.TempDir()
	dir, whole := filepath.Join(parent, "bundle"), filepath.Join(t.TempDir(), "bundle")
	r, _, ctx := resumable(t, "")
	want, err := Build(ctx, r, whole, Options{Targets: target()})
	if err != nil {
		t.Fatal(err)
	}
	r, _, ctx = resumable(t, "b.weight")
	if _, err := Build(ctx, r, dir, Options{Targets: target()}); !errors.Is(err, errInterrupt) {
		t.Fatalf("the interrupted build: %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half a bundle is in place: %v", err)
	}
	damage(t, parent)
	litter(t, parent)
	r, h, ctx := resumable(t, "")
	last := int64(0)
	got, err := Build(ctx, r, dir, Options{Targets: target(), Progress: func(done, total int64) {
		if done < last || done > total {
			t.Errorf("progress goes from %d to %d of %d", last, done, total)
		}
		last = done
	}})
	if err != nil || got.Digest != want.Digest {
		t.Errorf("%s, %v; without an interrupt %s", got.Digest, err, want.Digest)
	}
	if h.read["a.weight"] != 0 || h.read["b.weight"] == 0 || h.read["d.weight"] == 0 {
		t.Errorf("read again: %v", h.read)
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// damage changes a byte of the second weight, as a power cut may.
func damage(t *testing.T, parent string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(parent, ".bundle.building", "new", "weights.bin"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte{0x7f}, 64*64*4+5)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// litter is what a build that is killed leaves beside the weights.
func litter(t *testing.T, parent string) {
	t.Helper()
	fresh := filepath.Join(parent, ".bundle.building", "new")
	err := errors.Join(os.Mkdir(filepath.Join(fresh, ".optimise-1"), 0o700),
		os.WriteFile(filepath.Join(fresh, ".optimise-1", "from.onnx"), []byte("x"), 0o600),
		os.WriteFile(filepath.Join(fresh, "other.cpu.onnx"), []byte("x"), 0o644))
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnotherPrecisionBeginsAnew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bundle")
	r, _, ctx := resumable(t, "b.weight")
	if _, err := Build(ctx, r, dir, Options{Targets: target()}); !errors.Is(err, errInterrupt) {
		t.Fatalf("the interrupted build: %v", err)
	}
	r, h, ctx := resumable(t, "")
	if _, err := Build(ctx, r, dir, Options{Targets: target(), Precision: "bf16"}); err != nil || h.read["a.weight"] == 0 {
		t.Errorf("read %v, %v", h.read, err)
	}
}

func TestOneBuildAtATime(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bundle")
	r, _, ctx := resumable(t, "")
	first := true
	_, err := Build(ctx, r, dir, Options{Targets: target(), Progress: func(int64, int64) {
		if !first {
			return
		}
		first = false
		if _, err := Build(ctx, r, dir, Options{Targets: target()}); !errdefs.IsUnavailable(err) {
			t.Errorf("a second build beside the first: %v", err)
		}
	}})
	if err != nil {
		t.Error(err)
	}
}
