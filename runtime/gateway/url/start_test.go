package url

import (
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestEventStreamTellsOfALongStart: after two seconds, and a function's own events may follow; a short start, or one that nobody
// asked events of, changes nothing.
func TestEventStreamTellsOfALongStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := httptest.NewRecorder()
		s := &events{w: w, stall: time.Minute, gone: func() {}}
		tell := s.starting(time.Now())
		tell(spec.StartStep{Phase: spec.PhaseUnpack, Step: 1, Steps: 2})
		if s.begun {
			t.Error("the head is out at once")
		}
		time.Sleep(longStart)
		tell(spec.StartStep{Phase: spec.PhaseUnpack, Step: 2, Steps: 2, Done: 5, Total: 6})
		if got, want := w.Body.String(), "event: starting\ndata: {\"phase\":\"unpack\",\"step\":2,\"steps\":2,\"done_bytes\":5,\"total_bytes\":6}\n\n"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if !s.yield() {
			t.Error("a function's own events cannot follow")
		}
	})
}
