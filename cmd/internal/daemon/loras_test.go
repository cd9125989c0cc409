package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/runtime/dispatch"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// oneModel is a registry of one function over a bundle.
type oneModel struct {
	dispatch.Functions
	fn spec.Function
}

func (o oneModel) Get(_ context.Context, name, _ string) (spec.Function, error) {
	if name != o.fn.Name {
		return spec.Function{}, errdefs.ErrNotFound
	}
	return o.fn, nil
}

// remembering is an invoker that keeps what it is asked.
type remembering struct{ asked []spec.Invocation }

func (r *remembering) Invoke(_ context.Context, inv spec.Invocation) (*spec.Result, error) {
	r.asked = append(r.asked, inv)
	return &spec.Result{}, nil
}

// sealed makes a bundle of one file.
func sealed(t *testing.T, dir, content string, d *weights.Derived) weights.Manifest {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "weights.bin"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := weights.Seal(t.Context(), dir, weights.Manifest{Family: "f", Name: "n", Derived: d}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

type loraRig struct {
	merger *merger
	fns    loraFunctions
	base   weights.Manifest
	inner  *remembering
	builds []string
	fail   error
}

func newLoRARig(t *testing.T) *loraRig {
	t.Helper()
	models := t.TempDir()
	bundle, checkpoint := filepath.Join(models, "plain"), t.TempDir()
	r := &loraRig{inner: &remembering{}, base: sealed(t, bundle, "base", nil)}
	for _, err := range []error{os.WriteFile(filepath.Join(checkpoint, "model_index.json"), []byte("{}"), 0o600), weights.RememberCheckpoint(bundle, checkpoint), os.Mkdir(filepath.Join(models, lorasName), 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"style", "other"} {
		if err := os.WriteFile(filepath.Join(models, lorasName, name+".safetensors"), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fn := spec.Function{Name: "wan", Version: "$LATEST", Digest: "d", MinInstances: 2, Model: &spec.Model{Name: "wan", Bundle: bundle}}
	r.fns = loraFunctions{oneModel{fn: fn}, filepath.Join(models, derivedName)}
	r.merger = &merger{models: models, busy: map[string]*sync.Mutex{}, digests: map[string]digested{}, build: func(_ context.Context, _, _, out string, _ []mergedLoRA) error {
		r.builds = append(r.builds, out)
		if r.fail == nil {
			sealed(t, out, out, &weights.Derived{Base: r.base.Digest})
		}
		return r.fail
	}}
	return r
}

func (r *loraRig) invoke(t *testing.T, payload string) (spec.Invocation, error) {
	t.Helper()
	_, err := loraInvoker{r.inner, r.fns, r.merger}.Invoke(t.Context(), spec.Invocation{Function: "wan", Payload: []byte(payload)})
	if err != nil {
		return spec.Invocation{}, err
	}
	return r.inner.asked[len(r.inner.asked)-1], nil
}

// A request with loras goes to a version of its own, whose bundle is built once; without, to the function as it is.
func TestRequestsWithLoRAs(t *testing.T) {
	r := newLoRARig(t)
	if inv, err := r.invoke(t, `{"prompt":"about loras"}`); err != nil || inv.Qualifier != "" {
		t.Errorf("%+v, %v", inv, err)
	}
	first, err := r.invoke(t, `{"loras":[{"name":"style","strength":0.8},{"name":"other"}]}`)
	if err != nil || !strings.HasPrefix(first.Qualifier, loraVersion) || len(r.builds) != 1 {
		t.Fatalf("%+v, %v, %d builds", first, err, len(r.builds))
	}
	body, err := json.Marshal(map[string]any{"requestContext": map[string]any{"http": map[string]any{"method": "POST"}}, "body": `{"loras":[{"name":"other","strength":1},{"name":"style","strength":0.8}]}`})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.invoke(t, string(body)); err != nil || again.Qualifier != first.Qualifier || len(r.builds) != 1 {
		t.Errorf("through its URL, in another order: %+v, %v, %d builds", again, err, len(r.builds))
	}
	fn, err := r.fns.Get(t.Context(), "wan", first.Qualifier)
	if err != nil || fn.Version != first.Qualifier || fn.Model.Bundle != r.builds[0] || fn.Digest == "d" || fn.MinInstances != 0 {
		t.Errorf("%+v, %v", fn, err)
	}
	if plain, err := r.fns.Get(t.Context(), "wan", ""); err != nil || plain.Model.Bundle == fn.Model.Bundle {
		t.Errorf("%+v, %v", plain, err)
	}
	if _, err := r.fns.Get(t.Context(), "wan", loraVersion+"none"); !errdefs.IsNotFound(err) {
		t.Errorf("got %v", err)
	}
	sealed(t, filepath.Join(r.merger.models, "plain"), "another base", nil)
	if _, err := r.fns.Get(t.Context(), "wan", first.Qualifier); !errdefs.IsNotFound(err) {
		t.Errorf("the base is another one: %v", err)
	}
}

func TestLoRAsThatCannotBe(t *testing.T) {
	r := newLoRARig(t)
	for payload, want := range map[string]string{
		`{"loras":[{"name":"none"}]}`:               `there is no LoRA "none": other, style would do`,
		`{"loras":[{"name":"../style"}]}`:           "is no LoRA's name",
		`{"loras":[{"name":"style","strength":0}]}`: "all are at strength 0",
	} {
		if _, err := r.invoke(t, payload); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want %q, got %v", payload, want, err)
		}
	}
	r.fail = errors.New("no space left")
	if _, err := r.invoke(t, `{"loras":[{"name":"style"}]}`); !errors.Is(err, r.fail) {
		t.Errorf("got %v", err)
	}
	if err := os.Remove(filepath.Join(r.merger.models, "plain", "source.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.invoke(t, `{"loras":[{"name":"style"}]}`); !errdefs.IsFailedPrecondition(err) {
		t.Errorf("got %v", err)
	}
}

// The least recently used bundles go when they outgrow the budget.
func TestDerivedBundlesHaveABudget(t *testing.T) {
	r := newLoRARig(t)
	for _, strength := range []string{"1", "2", "3"} {
		if _, err := r.invoke(t, `{"loras":[{"name":"style","strength":`+strength+`}]}`); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-time.Hour)
		if strength == "2" {
			old = old.Add(-time.Hour) // the second was used before the first
		}
		if err := os.Chtimes(r.builds[len(r.builds)-1], old, old); err != nil {
			t.Fatal(err)
		}
	}
	m, err := weights.ReadManifest(r.builds[0])
	if err != nil {
		t.Fatal(err)
	}
	r.merger.budget = 3 * m.Own()
	if _, err := r.invoke(t, `{"loras":[{"name":"style","strength":4}]}`); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false, true, true} {
		if _, err := weights.ReadManifest(r.builds[i]); (err == nil) != want {
			t.Errorf("bundle %d: %v", i, err)
		}
	}
}
