package jobstest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"sync"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/runtime/spec/urlevent"
)

// Call is one invocation that a scripted Runner got.
type Call struct {
	Function string
	JobID    string
	Event    urlevent.Request
	Files    []spec.File
	Request  Request
	Progress func(spec.Progress)
	Starting func(spec.StartStep)
}

// Runner answers each invocation by its script. It streams what Clip makes unless the script says otherwise.
type Runner struct {
	Script func(ctx context.Context, c Call) (*spec.Result, error)

	mu    sync.Mutex
	calls []Call
}

// Calls gives what has been invoked so far.
func (r *Runner) Calls() []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Call(nil), r.calls...)
}

// Invoke implements jobs.Runner.
func (r *Runner) Invoke(ctx context.Context, inv spec.Invocation) (*spec.Result, error) {
	c := Call{Function: inv.Function, Files: inv.Files, Progress: inv.OnProgress, Starting: inv.OnStart}
	if err := json.Unmarshal(inv.Payload, &c.Event); err != nil {
		return nil, err
	}
	c.JobID = c.Event.Headers["x-job-id"]
	if err := json.Unmarshal([]byte(c.Event.Body), &c.Request); err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.calls = append(r.calls, c)
	r.mu.Unlock()
	if r.Script == nil {
		return Stream(200, "video/mp4", Clip(c.Request)), nil
	}
	return r.Script(ctx, c)
}

// Request is what the tests' function takes.
type Request struct {
	Prompt string `json:"prompt"`
	Seed   *int64 `json:"seed,omitempty"`
	Image  string `json:"image,omitempty"`
}

// Ask is a request with a prompt.
func Ask(prompt string) json.RawMessage {
	b, err := json.Marshal(Request{Prompt: prompt})
	if err != nil {
		panic(err) // a string is always JSON
	}
	return b
}

// Asked reads what a record keeps of a request.
func Asked(j jobs.Job) (r Request) {
	_ = json.Unmarshal(j.Request, &r) // what is not there is zero
	return r
}

// Clip makes recognisable bytes of a request.
func Clip(r Request) []byte { return []byte("clip of " + r.Prompt) }

// Stream is a function's streamed HTTP answer.
func Stream(status int, contentType string, body []byte) *spec.Result {
	head := fmt.Sprintf(`{"statusCode":%d,"headers":{"Content-Type":%q}}`, status, contentType)
	all := append([]byte(head+"\x00\x00\x00\x00\x00\x00\x00\x00"), body...)
	return Raw(bytes.NewReader(all), spec.Trailer{})
}

// Raw is a streamed answer of the given bytes and trailer.
func Raw(r io.Reader, t spec.Trailer) *spec.Result {
	return &spec.Result{Streaming: true, ContentType: urlevent.Integration, Body: io.NopCloser(r), Trailer: func() spec.Trailer { return t }}
}

// Block waits for the end of ctx, as a function does that is being cancelled.
func Block(ctx context.Context) (*spec.Result, error) {
	<-ctx.Done()
	return nil, fmt.Errorf("the invocation was cancelled: %w", ctx.Err())
}

// Models is a fixed jobs.Models by name.
type Models map[string]jobs.Model

// Model implements jobs.Models.
func (m Models) Model(_ context.Context, name string) (jobs.Model, error) {
	v, ok := m[name]
	if !ok {
		return jobs.Model{}, fmt.Errorf("there is no model %q: %w", name, errdefs.ErrNotFound)
	}
	return v, nil
}

// Models implements jobs.Models.
func (m Models) Models(context.Context) (out []jobs.Model, err error) {
	for _, v := range m {
		out = append(out, v)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out, nil
}
