package jobs

import (
	"errors"
	"fmt"
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

func TestSentence(t *testing.T) {
	for in, want := range map[string]string{
		"":                                 "",
		" the disk is full ":               "The disk is full.",
		"it ended.":                        "It ended.",
		"é necessário um prompt":           "É necessário um prompt.",
		"num_frames is 32: 29 or 33 fit":   "num_frames is 32: 29 or 33 fit.",
		"width is 100: 96 or 112 would do": "Width is 100: 96 or 112 would do.",
		`loras[0]: there is no LoRA "x"`:   `loras[0]: there is no LoRA "x".`,
		"loras: x is for another model":    "loras: x is for another model.",
		"loras[0].name is a list":          "loras[0].name is a list.",
		"ended. Then more":                 "Ended. Then more.",
	} {
		if got := sentence(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
