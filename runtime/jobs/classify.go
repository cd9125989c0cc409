package jobs

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/containerd/errdefs"

	words "github.com/videosdgx/videosdgx/internal/sentence"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/runtime/spec/answer"
	"github.com/videosdgx/videosdgx/runtime/spec/urlevent"
)

// classify says what an error of the Runner means for a job.
func classify(err error) (*Problem, time.Duration) {
	p := &Problem{Kind: "unavailable", Detail: sentence(words.Of(err)), Retryable: true}
	var retry *spec.RetryError
	if r, ok := spec.InitFailure(err, ""); ok && r.Final() {
		p.Detail, p.Log, p.Retryable = sentence("the function did not start: "+r.Message()), shorten(string(r.Log)), false
		return p, 0
	}
	switch {
	case errors.As(err, &retry) && retry.After > 0:
		return p, retry.After
	case retry != nil, errdefs.IsInvalidArgument(err), errdefs.IsNotFound(err):
		p.Kind, p.Retryable, p.Status = "invalid", false, statusOf(err)
	case errdefs.IsDeadlineExceeded(err):
		p.Kind, p.Retryable = "timeout", false // as long again would end the same way
	}
	return p, 0
}

// statusOf is the HTTP status of a refusal to ask the function: what the error says itself, else what its class means for a
// request whose form was right.
func statusOf(err error) int {
	var said interface{ HTTPStatus() int }
	switch {
	case errors.As(err, &said):
		return said.HTTPStatus()
	case errdefs.IsNotFound(err):
		return http.StatusNotFound
	case errdefs.IsInvalidArgument(err):
		return http.StatusUnprocessableEntity
	}
	return http.StatusTooManyRequests
}

// refusal says what an HTTP status of the function other than success means.
func refusal(h urlevent.Head, body []byte) *Problem {
	retryable := h.StatusCode >= 500 || h.StatusCode == http.StatusRequestTimeout || h.StatusCode == http.StatusTooManyRequests
	p := &Problem{Kind: "function", Status: h.StatusCode, Retryable: retryable, Body: shorten(string(body))}
	if !retryable {
		p.Kind = "invalid"
	}
	var said struct{ Detail, Title, Message, ErrorMessage string }
	_ = json.Unmarshal(body, &said)
	for _, s := range []string{said.Detail, said.Message, said.ErrorMessage, said.Title} {
		if s != "" {
			p.Detail = sentence(s)
			return p
		}
	}
	p.Detail = fmt.Sprintf("The function answered with status %d.", h.StatusCode)
	return p
}

// broken says what a function's failure means. As long again would end the same way.
func broken(res *spec.Result, f *answer.Failure) *Problem {
	text, kind := f.Message()
	p := &Problem{Kind: "function", Retryable: true, Body: shorten(string(f.Body)), Log: shorten(string(res.Trailer().LogTail))}
	switch {
	case text != "":
		p.Detail = sentence(text)
	case kind != "":
		p.Detail = "The function failed: " + kind + "."
	default:
		p.Detail = "The function failed without saying why."
	}
	if f.TimedOut() {
		p.Kind, p.Retryable = "timeout", false
	}
	return p
}

const shortAt = 4 << 10

func shorten(s string) string {
	if len(s) > shortAt {
		s = s[:shortAt]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// sentence gives a text a capital letter and a full stop; the name of a field or a file at its beginning stays as it is.
func sentence(s string) string {
	if s = strings.TrimSpace(shorten(s)); s == "" {
		return s
	}
	if word, _, _ := strings.Cut(s, " "); !strings.ContainsAny(strings.TrimRight(word, ".:"), "_[.") {
		first, n := utf8.DecodeRuneInString(s)
		s = string(unicode.ToUpper(first)) + s[n:]
	}
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}
