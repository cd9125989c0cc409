package answer

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/spec"
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

type kept struct{ bytes.Buffer }

func (k *kept) ReadAt(p []byte, at int64) (int, error) {
	return bytes.NewReader(k.Bytes()).ReadAt(p, at)
}
func (k *kept) Size() int64 { return int64(k.Len()) }
