package tensorrt_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/enginetest"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/faketrt"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

func compiledOf(t *testing.T, plan string) []string {
	t.Helper()
	found, err := filepath.Glob(plan + ".*.compiled")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// What a plan compiles in its first run lies beside it, is given to the next session, and goes with the plan.
func TestWhatWasCompiledIsKept(t *testing.T) {
	e := tensorrt.New(faketrt.Load(t), nil)
	t.Cleanup(e.Close)
	path := filepath.Join(t.TempDir(), "x.plan")
	faketrt.Plan(t, path, adder...)
	x := engine.Values{"x": engine.Zeros(1), "carry": engine.Zeros(1)}
	once := func() {
		t.Helper()
		s, err := e.Open(context.Background(), path, gpu)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Run(context.Background(), x); err != nil {
			t.Fatal(err)
		}
		if n := len(compiledOf(t, path)); n != 1 {
			t.Errorf("%d files after the first run, which may be the last that there is", n)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	once()
	file := compiledOf(t, path)[0]
	if raw, err := os.ReadFile(file); err != nil || string(raw) != "kernels 1" {
		t.Fatalf("%q, %v", raw, err)
	}
	// the double tells what it was given: a file that is one is taken as it is, one that is not is written again
	for text, want := range map[string]string{"kernels 7": "kernels 7", "torn off": "kernels 1", "": "kernels 1"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		once()
		if raw, err := os.ReadFile(file); err != nil || string(raw) != want {
			t.Errorf("after %q: %q, %v", text, raw, err)
		}
	}
	// a pipe is not waited for
	if err := errors.Join(os.Remove(file), syscall.Mkfifo(file, 0o600)); err != nil {
		t.Fatal(err)
	}
	once()
	if err := tensorrt.Discard(path); err != nil || len(compiledOf(t, path)) != 0 {
		t.Errorf("a plan that is gone left %v, %v", compiledOf(t, path), err)
	}
}

// A plan without weights gets those of its graph when it is opened, and again when it comes back.
func TestAPlanWithoutWeightsIsGivenThem(t *testing.T) {
	e := tensorrt.New(faketrt.Load(t), nil)
	t.Cleanup(e.Close)
	graph := enginetest.Write(t, func(b *onnx.Builder) {
		w := b.Weight("w", onnx.Float32, []int64{2, 2}, zeros(16))
		b.Output("y", b.MatMul(b.Input("x", onnx.Float32, "n", 2), w), onnx.Float32, "n", 2)
	})
	path := filepath.Join(t.TempDir(), "x.plan")
	faketrt.Plan(t, path, slices.Concat([]string{"bare"}, adder)...)
	path = known(t, path, tensorrt.Recipe{Model: graph, Strip: true})
	s, err := e.Open(context.Background(), path, gpu)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 {
		out, err := s.Run(context.Background(), engine.Values{"x": engine.Floats([]float32{1}, 1), "carry": engine.Zeros(1)})
		if err != nil || out.Float32("y")[0] != 1 {
			t.Fatalf("%v, %v", out, err)
		}
		e.Rest()
		if e.Used() != 0 {
			t.Errorf("%d bytes of a plan that rests", e.Used())
		}
	}
	path = known(t, path, tensorrt.Recipe{Model: graph + ".gone", Strip: true})
	if _, err := e.Open(context.Background(), path, gpu); !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), "models plan") {
		t.Errorf("without its graph: %v", err)
	}
	if e.Used() != 0 {
		t.Errorf("%d bytes of a plan that could not be opened", e.Used())
	}
}

// known writes down what the plan at path is, and gives where it lies then: under the name that says so.
func known(t *testing.T, path string, r tensorrt.Recipe) (at string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p := tensorrt.Plans{Recipe: func(string) (tensorrt.Recipe, error) { return r, nil }}
	f, at, err := p.Fact(r.Model, tensorrt.Target{Capability: 121})
	if err != nil {
		t.Fatal(err)
	}
	at = filepath.Join(filepath.Dir(path), filepath.Base(at)) // which says all that a plan depends on
	f.Bytes, f.Sum = int64(len(raw)), castagnoli(raw)
	if raw, err = json.Marshal(f); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Rename(path, at), os.WriteFile(at+".json", raw, 0o600)); err != nil {
		t.Fatal(err)
	}
	return at
}

func castagnoli(raw []byte) string {
	h := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	h.Write(raw)
	return hex.EncodeToString(h.Sum(nil))
}

func zeros(n int) func(io.Writer) error {
	return func(w io.Writer) error { _, err := w.Write(make([]byte, n)); return err }
}

// TensorRT chooses kernels by trying them under a driver; RTX compiles where a plan runs.
func TestAnotherDriverFindsNoPlanOfTensorRT(t *testing.T) {
	for library, same := range map[string]bool{"TensorRT 10.14.1": false, "TensorRT-RTX 1.6.1": true} {
		p := tensorrt.Plans{Dir: t.TempDir(), Library: library}
		at := func(driver string) string {
			_, path, err := p.Fact("x.onnx", tensorrt.Target{Capability: 121, Name: "NVIDIA GB10", Driver: driver})
			if err != nil {
				t.Fatal(err)
			}
			return path
		}
		if (at("580.1") == at("595.2")) != same {
			t.Errorf("%s: a plan of one driver is another's: %v", library, !same)
		}
	}
}
