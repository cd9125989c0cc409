package instance

import (
	"errors"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/guest/client"
	"github.com/videosdgx/videosdgx/runtime/guest/wire"
)

func TestWhoIsToBlameForAFailedStart(t *testing.T) {
	failure := func(h wire.FailHead) error { return &client.Failure{FailHead: h} }
	own := []byte(`{"errorType":"Runtime.ImportModuleError","errorMessage":"no module"}`)
	for name, c := range map[string]struct {
		err  *StartError
		kind string // "": not the function
		text string
	}{
		"it posted why":     {&StartError{Err: failure(wire.FailHead{Class: wire.ClassInit}), Body: own}, "Runtime.ImportModuleError", "no module"},
		"it posted nothing": {&StartError{Function: "f", Err: failure(wire.FailHead{Class: wire.ClassInit}), Body: []byte(`[]`)}, "Runtime.ExitError", "RequestId: id Error: function f did not start"},
		"it was late":       {&StartError{Err: failure(wire.FailHead{Class: wire.ClassInit, Late: true}), Exit: &Exit{Code: 143}}, "Sandbox.Timedout", "RequestId: id"},
		"there is no such":  {&StartError{Err: failure(wire.FailHead{Class: wire.ClassInit, NoCommand: true})}, "Runtime.InvalidEntrypoint", "RequestId: id"},
		"init died with it": {&StartError{Err: errExited, Exit: &Exit{Code: 137, OOMKilled: true}}, "Runtime.ExitError", "limits.memory"},
		"the driver":        {&StartError{Err: errors.New("containerd is gone")}, "", ""},
		"the connection":    {&StartError{Err: failure(wire.FailHead{Class: wire.ClassProtocol})}, "", ""},
	} {
		r, ok := c.err.Report("id")
		if ok != (c.kind != "") || r.ErrorType != c.kind || !strings.Contains(string(r.Body), c.text) {
			t.Errorf("%s: %v %q %s", name, ok, r.ErrorType, r.Body)
		}
	}
}

func TestStartErrorSaysWhatTheFunctionSaid(t *testing.T) {
	for body, want := range map[string]string{
		`{"errorMessage":"no model at /opt/model","errorType":"Init.MissingPart","stackTrace":[]}`: "function f did not start: it gave up; it reported: no model at /opt/model; its last log lines:\nbye",
		`{"errorType":"Init.Odd"}`: "function f did not start: it gave up; it reported: {\"errorType\":\"Init.Odd\"}; its last log lines:\nbye",
		`burst`:                    "function f did not start: it gave up; it reported: burst; its last log lines:\nbye",
	} {
		e := &StartError{Function: "f", Err: errors.New("it gave up"), Body: []byte(body), Tail: "bye"}
		if e.Error() != want {
			t.Errorf("got %q, want %q", e, want)
		}
	}
}
