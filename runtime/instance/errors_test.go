package instance

import (
	"errors"
	"testing"
)

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
