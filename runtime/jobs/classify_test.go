package jobs

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

type teapot struct{ error }

func (teapot) HTTPStatus() int { return 418 }
func (t teapot) Unwrap() error { return t.error }

// What was refused before a function was asked has a status, so that nobody blames the server for it.
func TestRefusalsBeforeTheFunctionHaveAStatus(t *testing.T) {
	bad := fmt.Errorf("there is no LoRA x: %w", errdefs.ErrInvalidArgument)
	for _, c := range []struct {
		err    error
		kind   string
		status int
	}{
		{bad, "invalid", 422},
		{fmt.Errorf("asking: %w", teapot{bad}), "invalid", 418},
		{fmt.Errorf("no function wan: %w", errdefs.ErrNotFound), "invalid", 404},
		{&spec.RetryError{Err: fmt.Errorf("it never fits: %w", errdefs.ErrResourceExhausted)}, "invalid", 429},
		{errors.New("the connection broke"), "unavailable", 0},
	} {
		if p, _ := classify(c.err); p.Kind != c.kind || p.Status != c.status || p.Retryable != (c.kind != "invalid") {
			t.Errorf("%v: %+v", c.err, p)
		}
	}
}

// notStarted is a function that said why it does not start.
type notStarted struct{ body string }

func (notStarted) Error() string {
	return "function f did not start: it gave up; its last log lines: many"
}
func (notStarted) Unwrap() error { return errdefs.ErrUnavailable }
func (n notStarted) Report(string) (spec.InitReport, bool) {
	var said struct{ ErrorType string }
	_ = json.Unmarshal([]byte(n.body), &said)
	return spec.InitReport{ErrorType: said.ErrorType, Body: []byte(n.body), Log: []byte("bye")}, said.ErrorType != ""
}

// What the function itself says it cannot start for is not tried again, and told without the log around it.
func TestAStartThatEndsTheSameWayIsNotTriedAgain(t *testing.T) {
	for body, want := range map[string]Problem{
		`{"errorType":"Init.Refused","errorMessage":"the model ltx2 is under a licence: model.acceptLicense: it would do"}`: {Kind: "unavailable",
			Detail: "The function did not start: the model ltx2 is under a licence: model.acceptLicense: it would do.", Log: "bye"},
		`{"errorType":"Init.InvalidRequest","errorMessage":"VIDEOSDGX_THREADS is \"x\""}`: {Kind: "unavailable", Detail: `The function did not start: VIDEOSDGX_THREADS is "x".`, Log: "bye"},
		`{"errorType":"Init.MissingPart","errorMessage":"no GPU"}`:                        {Kind: "unavailable", Detail: "Function f did not start: it gave up; its last log lines: many.", Retryable: true},
		`{"errorType":"Sandbox.Timedout"}`:                                                {Kind: "unavailable", Detail: "Function f did not start: it gave up; its last log lines: many.", Retryable: true},
		``:                                                                                {Kind: "unavailable", Detail: "Function f did not start: it gave up; its last log lines: many.", Retryable: true},
	} {
		p, after := classify(fmt.Errorf("asking: %w", notStarted{body}))
		p.Detail = strings.Replace(p.Detail, "Asking: function", "Function", 1)
		if *p != want || after != 0 {
			t.Errorf("%s: %+v after %s", body, *p, after)
		}
	}
}

func TestSentence(t *testing.T) {
	for in, want := range map[string]string{
		"":                                 "",
		" the disk is full ":               "The disk is full.",
		"it ended.":                        "It ended.",
		"é necessário um prompt":           "É necessário um prompt.",
		"num_frames is 32: 29 or 33 fit":   "num_frames is 32: 29 or 33 fit.",
		"width is 100: 96 or 112 would do": "Width is 100: 96 or 112 would do.",
		`loras[0]: there is no LoRA "x"`:   `loras[0]: there is no LoRA "x".`,
		"loras[0].name is a list":          "loras[0].name is a list.",
		"ended. Then more":                 "Ended. Then more.",
	} {
		if got := sentence(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
