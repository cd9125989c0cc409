package loras

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

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

// sealed is seal for tests.
func sealed(t *testing.T, dir, content string, d *weights.Derived) weights.Manifest {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := seal(t.Context(), dir, content, d); err != nil {
		t.Fatal(err)
	}
	m, err := weights.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

type rig struct {
	merger *Merger
	fns    Versions
	base   weights.Manifest
	said   bytes.Buffer // the log

	mu      sync.Mutex
	builds  []string
	fail    error
	before  func() // each build
	reading func() // between what a build reads and what it writes
}

func newRig(t *testing.T) *rig {
	t.Helper()
	models := t.TempDir()
	bundle, checkpoint := filepath.Join(models, "plain"), t.TempDir()
	r := &rig{base: sealed(t, bundle, "base", nil)}
	for _, err := range []error{os.WriteFile(filepath.Join(checkpoint, "model_index.json"), []byte("{}"), 0o600), weights.RememberCheckpoint(bundle, checkpoint), os.Mkdir(filepath.Join(models, lorasName), 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	fn := spec.Function{Name: "wan", Version: "$LATEST", Digest: "d", MinInstances: 2, Model: &spec.Model{Name: "wan", Bundle: bundle}}
	r.merger = New(models, 0, r.build, slog.New(slog.NewTextHandler(&r.said, nil)))
	r.fns = r.merger.Over(oneModel{fn: fn})
	for _, name := range []string{"style", "other"} {
		r.write(t, name, name)
	}
	return r
}

// write makes a LoRA, or another one of it.
func (r *rig) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(r.merger.path(name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// build stands for models build: a bundle that says what it was made of.
func (r *rig) build(ctx context.Context, _, _, out string, loras []LoRA) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.builds = append(r.builds, out)
	if r.before != nil {
		r.before()
	}
	if r.fail != nil {
		return r.fail
	}
	d := weights.Derived{Base: r.base.Digest}
	for _, l := range loras {
		raw, err := os.ReadFile(l.Path)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(raw)
		d.LoRAs = append(d.LoRAs, weights.LoRA{Name: filepath.Base(l.Path), Digest: "sha256:" + hex.EncodeToString(sum[:]), Strength: l.Strength, Component: cmp.Or(l.Component, "transformer")})
	}
	if r.reading != nil {
		r.reading()
	}
	return errors.Join(os.MkdirAll(out, 0o755), seal(ctx, out, out, &d))
}

// seal makes a bundle of one file.
func seal(ctx context.Context, dir, content string, d *weights.Derived) error {
	if err := os.WriteFile(filepath.Join(dir, "weights.bin"), []byte(content), 0o600); err != nil {
		return err
	}
	_, err := weights.Seal(ctx, dir, weights.Manifest{Family: "f", Name: "n", Derived: d}, nil)
	return err
}

func (r *rig) invoke(t *testing.T, payload string) (spec.Invocation, error) {
	t.Helper()
	return r.invokeWith(t.Context(), payload)
}

func (r *rig) invokeWith(ctx context.Context, payload string) (spec.Invocation, error) {
	inner := &remembering{}
	_, err := invoker{inner, r.fns, r.merger}.Invoke(ctx, spec.Invocation{Function: "wan", Payload: []byte(payload)})
	if err != nil {
		return spec.Invocation{}, err
	}
	return inner.asked[len(inner.asked)-1], nil
}

// A request with loras goes to a version of its own, whose bundle is built once; without, to the function as it is.
func TestRequestsWithLoRAs(t *testing.T) {
	r := newRig(t)
	if inv, err := r.invoke(t, `{"prompt":"about loras"}`); err != nil || inv.Qualifier != "" {
		t.Errorf("%+v, %v", inv, err)
	}
	first, err := r.invoke(t, `{"loras":[{"name":"style","strength":0.8},{"name":"other"}]}`)
	if err != nil || !strings.HasPrefix(first.Qualifier, spec.LoRAVersion) || len(r.builds) != 1 {
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
	if _, err := r.fns.Get(t.Context(), "wan", spec.LoRAVersion+"none"); !errdefs.IsNotFound(err) {
		t.Errorf("got %v", err)
	}
	sealed(t, filepath.Join(r.merger.models, "plain"), "another base", nil)
	if _, err := r.fns.Get(t.Context(), "wan", first.Qualifier); !errdefs.IsNotFound(err) {
		t.Errorf("the base is another one: %v", err)
	}
}
