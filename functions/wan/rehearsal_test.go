package wan

import (
	"context"
	"testing"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/serve/rehearsal"
)

// TestARehearsalRunsEveryGraph: those that read a request's video as well, so that plans of all of them can be compared.
func TestARehearsalRunsEveryGraph(t *testing.T) {
	ctx := context.Background()
	m, watched := watchedBundle(t)
	model, err := Open(ctx, m, "wan21")
	if err != nil {
		t.Fatal(err)
	}
	defer handler.Close(model)
	d := model.Describe()
	r := rehearsal.Clip(d, rehearsal.Smallest(d), "a", 1)
	brought, err := rehearsal.Brought(ctx, d, r, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range append([]handler.Request{r}, brought...) {
		if err := model.Generate(ctx, one, handler.Silent()); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Shapes(m.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range s.Graphs {
		if len(watched.Captures(g)) == 0 || len(watched.Shapes(g)) == 0 {
			t.Errorf("nothing has run %s", g)
		}
	}
}
