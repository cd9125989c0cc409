// Package answer reads what an invocation gave, once for everybody who invokes: the Lambda API, function URLs, asynchronous
// events and jobs. It knows where a function's failure is said, and what a body of an HTTP answer is.
package answer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/runtime/spec/urlevent"
)

// Failure is the error of a function that answered with one, died, or ran out of time.
type Failure struct {
	Type string // such as Sandbox.Timedout; may be ""
	Body []byte // JSON: errorType, errorMessage, stackTrace
}

// FailureOf gives the failure that a result ends with, nil for none; read is what there was of its body. The trailer must be
// there.
func FailureOf(res *spec.Result, read []byte) *Failure {
	t := res.Trailer()
	if res.FunctionError == "" && t.FunctionError == "" {
		return nil
	}
	f := &Failure{Type: t.ErrorType, Body: t.ErrorBody}
	if len(f.Body) == 0 && res.FunctionError != "" { // else what was read is the beginning of an answer
		f.Body = read
	}
	if len(f.Body) == 0 {
		f.Body, _ = json.Marshal(map[string]string{"errorType": t.ErrorType, "errorMessage": "the function failed without saying why"}) // of strings: cannot fail
	}
	return f
}

// Buffer keeps a body: a *bytes.Buffer is none, a spool's is.
type Buffer interface {
	io.Writer
	io.ReaderAt
	Size() int64
}

// ErrTooLong says that a body is longer than it may be.
var ErrTooLong = errors.New("the function's answer is longer than it may be")

// maxFailure bounds what is kept of a failure's body, in bytes.
const maxFailure = 256 << 10

// Collect reads a result's body, or what is left of it in body, to its end into b and closes it. It gives the failure that it
// ended with, nil for none. An answer of more than limit bytes is cut there, with ErrTooLong; the function finishes all the
// same.
func Collect(res *spec.Result, body io.Reader, b Buffer, limit int64) (*Failure, error) {
	defer res.Body.Close()
	n, err := io.Copy(b, io.LimitReader(body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read the function's answer: %w", err)
	}
	if n > limit {
		if _, err := io.Copy(io.Discard, body); err != nil {
			return nil, fmt.Errorf("read the function's answer: %w", err)
		}
		return nil, ErrTooLong
	}
	var read []byte
	if res.FunctionError != "" {
		read = make([]byte, min(b.Size(), maxFailure))
		if _, err := b.ReadAt(read, 0); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	return FailureOf(res, read), nil
}

// Whole is Collect of an answer whose head is in its body, as of all that are not streamed, and gives what it says, unless the
// function failed. Its body is read from b.
func Whole(res *spec.Result, b Buffer, limit int64) (urlevent.Answer, *Failure, error) {
	failed, err := Collect(res, res.Body, b, limit)
	if err != nil || failed != nil {
		return urlevent.Answer{}, failed, err
	}
	a, err := urlevent.Parse(b, b.Size())
	return a, nil, err
}

// Open gives the head of a streamed answer to an HTTP request, and its body: after a prelude, or with the type that the
// function named. The head of an answer that is not streamed is in its body (urlevent.Parse): it has status 0 here.
func Open(res *spec.Result) (urlevent.Head, io.Reader, error) {
	switch {
	case !res.Streaming:
		return urlevent.Head{}, res.Body, nil
	case res.ContentType != urlevent.Integration:
		content := res.ContentType
		if content == "" {
			content = "application/octet-stream"
		}
		return urlevent.Head{StatusCode: 200, Headers: urlevent.Headers{"content-type": content}}, res.Body, nil
	}
	br := bufio.NewReaderSize(res.Body, 4<<10)
	text, err := urlevent.SplitPrelude(br)
	if errors.Is(err, urlevent.ErrPrelude) {
		return urlevent.Head{}, nil, fmt.Errorf("%w: %w", urlevent.ErrAnswer, err)
	}
	if err != nil {
		return urlevent.Head{}, nil, err
	}
	head, err := urlevent.ParsePrelude(text)
	return head, br, err
}

// Message is a failure's own words: its errorMessage and errorType. What is not in Lambda's form is the message as it is.
func (f *Failure) Message() (text, kind string) {
	var said struct {
		ErrorMessage string `json:"errorMessage"`
		ErrorType    string `json:"errorType"`
	}
	if json.Unmarshal(f.Body, &said) != nil || said.ErrorMessage+said.ErrorType == "" {
		said.ErrorMessage = string(bytes.TrimSpace(f.Body))
	}
	if said.ErrorType == "" {
		said.ErrorType = f.Type
	}
	return said.ErrorMessage, said.ErrorType
}

// timedOut is Lambda's word for a function that ran out of time.
const timedOut = "Sandbox.Timedout"

// TimedOut says whether the function ran out of time, rather than failed by itself.
func (f *Failure) TimedOut() bool {
	_, kind := f.Message()
	return f.Type == timedOut || kind == timedOut
}
