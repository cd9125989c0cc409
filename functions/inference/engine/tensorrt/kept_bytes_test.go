package tensorrt_test

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/faketrt"
)

// stripped is a recipe of which every part matters to whoever loads the plan: its weights are refitted, its profiles chosen among.
func stripped(string) (tensorrt.Recipe, error) {
	r := tensorrt.Range{Least: []int64{1}, Usual: []int64{4}, Most: []int64{8}}
	return tensorrt.Recipe{Strip: true, Int8: true, Scales: map[string]float32{"x": 0.125}, Profiles: []tensorrt.Profile{{"x": r}}}, nil
}

// TestFactsDamagedAtAnyByte: what is loaded by is what was written, or it is told; above all a plan without weights is never taken for
// one that has them.
func TestFactsDamagedAtAnyByte(t *testing.T) {
	b, _ := script(t, good)
	p := &tensorrt.Plans{Dir: t.TempDir(), Library: "TensorRT-RTX 1.6.9", Digest: "d", Builder: b, Recipe: stripped}
	path, err := p.Plan(context.Background(), "g.onnx", spark)
	if err != nil {
		t.Fatal(err)
	}
	want, err := tensorrt.Known(path)
	if err != nil || !want.Recipe.Strip {
		t.Fatal(want, err)
	}
	raw, err := os.ReadFile(path + ".json")
	if err != nil {
		t.Fatal(err)
	}
	for at := range raw {
		for _, flip := range []byte{1, 2, 0x20, 0xff} {
			raw[at] ^= flip
			if err := os.WriteFile(path+".json", raw, 0o600); err != nil {
				t.Fatal(err)
			}
			raw[at] ^= flip
			got, err := tensorrt.Known(path)
			if err != nil {
				if !errdefs.IsDataLoss(err) {
					t.Errorf("byte %d: %v", at, err)
				}
				continue
			}
			got.Graph, got.Recipe.Model, got.Recipe.Limits, got.Seconds, got.Compared = want.Graph, want.Recipe.Model, want.Recipe.Limits, want.Seconds, want.Compared
			if !reflect.DeepEqual(got, want) {
				t.Errorf("byte %d, flipped by %#x: %+v", at, flip, got)
			}
		}
	}
}

// TestAPlanUnderAnothersName: copied with its facts onto the place of another graph's, bundle's or shape's, it is not that one.
func TestAPlanUnderAnothersName(t *testing.T) {
	b, runs := script(t, good)
	dir := t.TempDir()
	plan := func(digest, graph string, recipe func(string) (tensorrt.Recipe, error)) string {
		p := &tensorrt.Plans{Dir: dir, Library: "TensorRT-RTX 1.6.9", Digest: digest, Builder: b, Recipe: recipe}
		path, err := p.Plan(context.Background(), graph, spark)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	mine := plan("d", "g.onnx", nil)
	for name, other := range map[string]string{"a bundle's": plan("another", "g.onnx", nil), "a graph's": plan("d", "h.onnx", nil), "a shape's": plan("d", "g.onnx", stripped)} {
		for _, ending := range []string{"", ".json"} {
			raw, err := os.ReadFile(other + ending)
			if err == nil {
				err = os.WriteFile(mine+ending, raw, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if f, err := tensorrt.Known(mine); !errdefs.IsDataLoss(err) {
			t.Errorf("another %s: %+v, %v", name, f, err)
		}
		before := runs()
		if again := plan("d", "g.onnx", nil); again != mine || runs() != before+1 {
			t.Errorf("another %s was taken: %s, built %d times", name, again, runs()-before)
		}
	}
}

// A graph may be called by bytes that are no text, which JSON does not keep.
func TestAPlanOfANameThatIsNoTextIsFoundAgain(t *testing.T) {
	b, runs := script(t, good)
	p := &tensorrt.Plans{Dir: t.TempDir(), Library: "TensorRT-RTX 1.6.9", Digest: "d", Builder: b}
	for range 2 {
		path, err := p.Plan(context.Background(), "g\xff\xfe \u2028<&>.onnx", spark)
		if err == nil {
			_, err = tensorrt.Known(path)
		}
		if err != nil || runs() != 1 {
			t.Errorf("%s, %v, built %d times", filepath.Base(path), err, runs())
		}
	}
}

// TestAPlanThatIsBeingBuiltIsNotOpened: between a plan and what is written down of it nobody knows whether it has its weights.
func TestAPlanThatIsBeingBuiltIsNotOpened(t *testing.T) {
	b, _ := script(t, good)
	p := &tensorrt.Plans{Dir: t.TempDir(), Library: "TensorRT-RTX 1.6.9", Digest: "d", Builder: b, Recipe: stripped}
	path, err := p.Plan(context.Background(), "g.onnx", spark)
	if err == nil {
		err = os.Remove(path + ".json")
	}
	if err != nil {
		t.Fatal(err)
	}
	e := tensorrt.New(faketrt.Load(t), nil)
	defer e.Close()
	if s, err := e.Open(context.Background(), path, gpu); !errdefs.IsDataLoss(err) || !strings.Contains(err.Error(), "`videosdgx models plan` builds it again") {
		t.Errorf("%v, %v", s, err)
	}
}
