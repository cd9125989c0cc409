package sandboxtest

import (
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFake(t *testing.T) {
	Run(t, func(t *testing.T) Subject {
		m := NewMachine()
		return Subject{
			Sandbox:  &Fake{Machine: m},
			Again:    func(*testing.T) instance.Sandbox { return &Fake{Machine: m} },
			Echo:     spec.Function{Name: "echo", Command: []string{"echo"}},
			Dir:      t.TempDir(),
			KillInit: func(_ *testing.T, id string) { m.Kill(id) },
			Traces: func(_ *testing.T, id string) []string {
				if m.Has(id) {
					return []string{"box " + id}
				}
				return nil
			},
		}
	})
}

func TestFakeFaults(t *testing.T) {
	broken := errors.New("broken")
	f := NewFake()
	f.Fault = func(step, _ string) error {
		if step == "start" {
			return broken
		}
		return nil
	}
	b, err := f.Create(t.Context(), instance.Config{ID: "a", Function: spec.Function{Command: []string{"x"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Start(t.Context()); !errors.Is(err, broken) {
		t.Errorf("Start = %v", err)
	}
	if err := b.Remove(t.Context()); err != nil || f.Machine.Has("a") {
		t.Errorf("Remove = %v", err)
	}
}
