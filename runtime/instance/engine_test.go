package instance

import (
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestWhatAModelRunsOnIsHeard: of a model function's reports, whoever wants them; other functions say nothing of that kind.
func TestWhatAModelRunsOnIsHeard(t *testing.T) {
	i, got := &Instance{}, 0
	if i.heard(nil) != nil {
		t.Error("reports are asked of a function without a model, for nobody")
	}
	i.cfg.Function.Model = &spec.Model{}
	hear := i.heard(func(spec.Progress) { got++ })
	hear(spec.Progress{Phase: "encode"})
	if i.engine.Load() != nil {
		t.Error(*i.engine.Load())
	}
	hear(spec.Progress{Engine: "TensorRT 10.14.1"})
	i.heard(nil)(spec.Progress{})
	if e := i.engine.Load(); e == nil || *e != "TensorRT 10.14.1" || got != 2 {
		t.Errorf("%v, %d reports", e, got)
	}
	hear(spec.Progress{Engine: strings.Repeat("é", 1000)})
	if e := i.engine.Load(); len(*e) != 2*mostEngine {
		t.Errorf("%d bytes of a name are kept", len(*e))
	}
}
