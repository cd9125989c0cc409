package rapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"

	"github.com/videosdgx/videosdgx/runtime/rapi/http1"
)

// maxProgress bounds one report, in bytes; a preview frame fits.
const maxProgress = 768 << 10

// progress is POST /runtime/invocation/{id}/progress, an extension of ours announced in VIDEOSDGX_EXTENSIONS: a JSON
// object {phase, step, steps, seconds, preview, message} on its way to whoever waits for the answer.
func (s *Server) progress(w *http1.Reply, r *http1.Request, c *Call) {
	b, err := io.ReadAll(io.LimitReader(r.Body, maxProgress+1))
	if err != nil || len(b) > maxProgress {
		r.Body.Drain(1 << 30)
		fail(w, 413, "RequestEntityTooLarge", "a progress report may have 768 KiB")
		return
	}
	text, err := report(b)
	if err != nil {
		fail(w, 400, "InvalidProgress", "a progress report is a JSON object of phase, step, steps, seconds, preview and message: "+err.Error())
		return
	}
	if len(text) > maxProgress { // bytes that are not UTF-8, or some separators, grow sixfold in JSON
		fail(w, 413, "RequestEntityTooLarge", "a progress report may have 768 KiB, this one has more when its escapes are counted")
		return
	}
	c.report(text)
	ok(w)
}

// count is an integer, however JSON writes it: 33, 33.0 or 3.3e1.
type count int

// UnmarshalJSON implements json.Unmarshaler.
func (n *count) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	var f float64
	if err := json.Unmarshal(b, &f); err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<31 {
		return errors.New(string(b[:min(len(b), 20)]) + " is not a number of steps")
	}
	*n = count(f)
	return nil
}

// report checks a report and writes it as the control plane reads it: what it does not know is left out.
func report(b []byte) ([]byte, error) {
	var p struct {
		Phase   string  `json:"phase"`
		Step    count   `json:"step"`
		Steps   count   `json:"steps"`
		Seconds float64 `json:"seconds,omitempty"`
		Preview []byte  `json:"preview,omitempty"`
		Message string  `json:"message,omitempty"`
		Engine  string  `json:"engine,omitempty"`
	}
	if b = bytes.TrimSpace(b); len(b) == 0 || b[0] != '{' {
		return nil, errors.New("it is no object")
	}
	var other *json.UnmarshalTypeError
	if err := json.Unmarshal(b, &p); errors.As(err, &other) {
		return nil, errors.New(other.Field + " is of type " + other.Value) // not in Go's words
	} else if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false) // or it grew past what a frame may have
	if err := enc.Encode(p); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(out.Bytes()), nil
}

func (c *Call) report(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.abandoned && (c.state == held || c.state == answering) {
		c.sink.Progress(b)
	}
}
