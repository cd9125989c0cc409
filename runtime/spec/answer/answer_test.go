package answer

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/runtime/spec/urlevent"
)

// TestAFailureSpeaksForItself: by the error that came after a part of the answer, by a body that is the error, or by its type.
func TestAFailureSpeaksForItself(t *testing.T) {
	for name, c := range map[string]struct {
		head    string
		body    string
		trailer spec.Trailer
		want    string
	}{
		"none":                  {"", "fine", spec.Trailer{}, ""},
		"the body":              {"Unhandled", `{"errorMessage":"m","errorType":"T"}`, spec.Trailer{ErrorType: "T"}, "m/T"},
		"after a part":          {"Unhandled", "one\ntwo\n", spec.Trailer{FunctionError: "Unhandled", ErrorType: "T", ErrorBody: []byte(`{"errorMessage":"it broke","errorType":"T"}`)}, "it broke/T"},
		"after a part, at last": {"", "one\n", spec.Trailer{FunctionError: "Unhandled", ErrorBody: []byte(`{"errorMessage":"it broke"}`)}, "it broke/"},
		"without a word":        {"Unhandled", "", spec.Trailer{ErrorType: "T"}, "the function failed without saying why/T"},
	} {
		res := &spec.Result{FunctionError: c.head, Body: io.NopCloser(strings.NewReader(c.body)), Trailer: func() spec.Trailer { return c.trailer }}
		f, err := Collect(res, res.Body, &kept{}, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if f != nil {
			text, kind := f.Message()
			got = text + "/" + kind
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestWholeAnswersAreReadOnce: what they say, or how the function failed, or that they are no answers.
func TestWholeAnswersAreReadOnce(t *testing.T) {
	ask := func(body, failed string) (string, int, *Failure, error) {
		res := &spec.Result{FunctionError: failed, Body: io.NopCloser(strings.NewReader(body)), Trailer: func() spec.Trailer { return spec.Trailer{} }}
		a, f, err := Whole(res, &kept{}, 64)
		if err != nil || f != nil {
			return "", 0, f, err
		}
		text, err := io.ReadAll(a.Body.Open())
		return string(text), a.Head.StatusCode, f, err
	}
	if text, status, _, err := ask(`{"statusCode":201,"body":"made"}`, ""); text != "made" || status != 201 || err != nil {
		t.Errorf("%q, %d, %v", text, status, err)
	}
	if _, _, f, err := ask(`{"errorMessage":"no"}`, "Unhandled"); f == nil || err != nil {
		t.Errorf("a failure: %+v, %v", f, err)
	}
	if _, _, _, err := ask(`{"statusCode":200,"body":"%","isBase64Encoded":true}`, ""); !errors.Is(err, urlevent.ErrAnswer) {
		t.Errorf("of no such form: %v", err)
	}
	if _, _, _, err := ask(strings.Repeat("a", 65), ""); !errors.Is(err, ErrTooLong) {
		t.Errorf("too long: %v", err)
	}
}

type kept struct{ bytes.Buffer }

func (k *kept) ReadAt(p []byte, at int64) (int, error) {
	return bytes.NewReader(k.Bytes()).ReadAt(p, at)
}
func (k *kept) Size() int64 { return int64(k.Len()) }
