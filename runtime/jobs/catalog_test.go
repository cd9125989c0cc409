package jobs_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

type fixed struct {
	fns []spec.Function
	up  []spec.InstanceStatus
}

func (f fixed) List(context.Context) ([]spec.Function, error)            { return f.fns, nil }
func (f fixed) Instances(context.Context) ([]spec.InstanceStatus, error) { return f.up, nil }
func (f fixed) Status(_ context.Context, name string) (spec.FunctionStatus, error) {
	return spec.FunctionStatus{Fault: "problem of " + name}, nil
}

// folder is a lister that knows a model once it has been told to look.
type folder struct {
	fixed
	looked *bool
}

func (f folder) Look() { *f.looked = true }

func (f folder) List(context.Context) ([]spec.Function, error) {
	if !*f.looked {
		return nil, nil
	}
	return f.fns, nil
}

// TestAModelJustWrittenIsThere: by name, and in the list that people get, whatever has been kept.
func TestAModelJustWrittenIsThere(t *testing.T) {
	for what, ask := range map[string]func(m jobs.Models) int{
		"by name": func(m jobs.Models) int {
			if _, err := m.Model(t.Context(), "wan21"); err != nil {
				return 0
			}
			return 1
		},
		"listed": func(m jobs.Models) int { all, _ := jobs.Latest(t.Context(), m); return len(all) },
	} {
		f := folder{fixed{fns: []spec.Function{{Name: "w", Model: &spec.Model{Name: "wan21"}}}}, new(bool)}
		m := jobs.Cached(&jobs.Catalog{Functions: f, Observer: f}, time.Hour)
		if all, err := m.Models(t.Context()); err != nil || len(all) != 0 {
			t.Fatalf("%+v, %v", all, err)
		}
		if ask(m) != 1 {
			t.Errorf("%s: it is not there", what)
		}
		if all, err := m.Models(t.Context()); what == "listed" && (err != nil || len(all) != 1) {
			t.Errorf("what was just listed is not kept: %+v, %v", all, err)
		}
	}
}

// TestAModelThatIsNotThereMayBeMeantOtherwise: whoever asks is told, by whatever client.
func TestAModelThatIsNotThereMayBeMeantOtherwise(t *testing.T) {
	f := fixed{fns: []spec.Function{{Name: "w", Model: &spec.Model{Name: "wan21"}}, {Name: "l", Model: &spec.Model{Name: "ltx2"}}}}
	for name, want := range map[string]string{
		"wan2.1": `there is no model "wan2.1"; did you mean wan21?: not found`, "LTX-2": `there is no model "LTX-2"; did you mean ltx2?: not found`,
		"sora": `there is no model "sora"; there are ltx2, wan21: not found`,
	} {
		_, err := (&jobs.Catalog{Functions: f, Observer: f}).Model(t.Context(), name)
		if !errdefs.IsNotFound(err) || err.Error() != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestACatalogCountsGPUs: however they are asked for, what a job is charged with is how many its instance has.
func TestACatalogCountsGPUs(t *testing.T) {
	for want, gpus := range map[int]spec.GPUs{0: nil, 1: {"all"}, 2: {"0", "1"}, 4: spec.AnyGPUs(4)} {
		f := fixed{fns: []spec.Function{{Name: "w", Model: &spec.Model{Name: "wan21"}, GPUs: gpus}}}
		all, err := (&jobs.Catalog{Functions: f, Observer: f}).Models(t.Context())
		if err != nil || len(all) != 1 || all[0].GPUs != want {
			t.Errorf("%v: %+v, %v; want %d", gpus, all, err, want)
		}
	}
}

func TestCatalog(t *testing.T) {
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	f := fixed{
		[]spec.Function{
			{Name: "w", Model: &spec.Model{Name: "wan21", Port: 8002}, Concurrency: 2, EventsAtOnce: 3},
			{Name: "plain"}, {Name: "l", Model: &spec.Model{Name: "ltx2"}},
		},
		[]spec.InstanceStatus{
			{Function: "w", State: spec.Idle, Since: at, Expires: at.Add(time.Minute), Memory: 5},
			{Function: "w", State: spec.Staged, Memory: 9},
		},
	}
	c := &jobs.Catalog{Functions: f, Observer: f}
	all, err := c.Models(t.Context())
	if err != nil || len(all) != 2 || all[0].Name != "ltx2" {
		t.Fatalf("%+v, %v", all, err)
	}
	w := all[1]
	if w.Function != "w" || w.Concurrency != 6 || w.Instances != 1 || w.Memory != 5 || !w.UnloadAt.Equal(at.Add(time.Minute)) || w.Port != 8002 || w.Fault != "problem of w" {
		t.Fatalf("%+v", w)
	}
	if _, err := c.Model(t.Context(), "magi1"); !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), "ltx2, wan21") {
		t.Fatal(err)
	}
}
