package wan

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/serve"
	"github.com/videosdgx/videosdgx/functions/serve/rehearsal"
)

// TestARehearsalRunsEveryGraph: those that read a request's video as well, or the pass before, and both experts, so that plans of all of
// them can be compared.
func TestARehearsalRunsEveryGraph(t *testing.T) {
	demo, watched := watchedBundle(t)
	rehearsed(t, "demo", demo, watched)
	pair, watched := watchedOf(t, recipeOf(t, twoExperts(t)))
	rehearsed(t, "two experts", pair, watched)
	ti2v, watched := watchedOf(t, textAndImage(t))
	rehearsed(t, "text and image", ti2v, watched)
}

// watchedOf is the bundle of a recipe, whose engine keeps what every graph is fed and gives.
func watchedOf(t *testing.T, r bundle.Recipe) (*bundle.Model, *record.Engine) {
	t.Helper()
	kernelstest.Library(t)
	cpu, err := serve.CPU()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "bundle")
	if _, err := bundle.Build(context.Background(), r, dir, bundle.Options{Targets: []bundle.Target{cpu}, Precision: bundle.None}); err != nil {
		t.Fatal(err)
	}
	return watch(t, dir)
}

func rehearsed(t *testing.T, name string, m *bundle.Model, watched *record.Engine) {
	t.Helper()
	ctx := context.Background()
	model, err := Open(ctx, m, m.Family)
	if err != nil {
		t.Fatal(err)
	}
	defer handler.Close(model)
	d := model.Describe()
	all, err := rehearsal.All(d, rehearsal.Clip(d, rehearsal.Smallest(d), "a", 1))
	if err != nil {
		t.Fatal(err)
	}
	brought, err := rehearsal.Brought(ctx, d, all[0], t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range append(all, brought...) {
		if err := model.Generate(ctx, one, handler.Silent()); err != nil {
			t.Fatal(name, err)
		}
	}
	s, err := Shapes(m.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range s.Graphs {
		if len(watched.Captures(g)) == 0 || len(watched.Shapes(g)) == 0 {
			t.Errorf("%s: nothing has run %s", name, g)
		}
	}
}
