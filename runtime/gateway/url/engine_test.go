package url

import (
	"net/http"
	"testing"
)

func TestTheEngineIsToldBesideThePhases(t *testing.T) {
	for name, want := range map[string]string{
		"TensorRT 10.14.1": `run;dur=3, engine;desc="TensorRT 10.14.1"`,
		"":                 "run;dur=3",
		`a"b`:              "run;dur=3", // a header of a function's own making
	} {
		h := http.Header{"Server-Timing": {"run;dur=3"}}
		if tellEngine(h, name); h.Get("Server-Timing") != want {
			t.Errorf("%q: %s", name, h.Get("Server-Timing"))
		}
	}
	h := http.Header{}
	if tellEngine(h, "ONNX Runtime 1.31.1"); h.Get("Server-Timing") != `engine;desc="ONNX Runtime 1.31.1"` {
		t.Error(h)
	}
}
