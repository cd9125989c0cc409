package dispatch

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// tally remembers what it was told.
type tally struct {
	silent
	mu  sync.Mutex
	all []string
}

func (m *tally) add(s string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = append(m.all, s)
}

func (m *tally) Invoked(function, outcome string, _ spec.Phases, _ time.Duration) {
	m.add("invoked " + function + " " + outcome)
}
func (m *tally) Forget(function string) { m.add("forget " + function) }

// TestDeletedFunctionIsForgotten: what ends after its function was deleted is not counted, or its metrics would come back
// for good; a new function of that name counts again.
func TestDeletedFunctionIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &tally{}
		r := newRig(t, func(c *Config) { c.Meter = m })
		r.begin()
		r.takes(10 * time.Millisecond)
		r.function("f")
		r.must("f", "1")
		var late sync.WaitGroup
		late.Go(func() {
			if got, _, err := r.call(t.Context(), "f", "2"); err != nil || got != "2" {
				t.Errorf("%q, %v", got, err)
			}
		})
		time.Sleep(time.Millisecond)
		r.delete("f")
		late.Wait()
		r.function("f")
		r.must("f", "3")
		if want := []string{"invoked f ok", "forget f", "invoked f ok"}; !slices.Equal(m.all, want) {
			t.Errorf("told %q, want %q", m.all, want)
		}
		r.end()
	})
}
