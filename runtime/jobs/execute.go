package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/runtime/spec/answer"
	"github.com/videosdgx/videosdgx/runtime/spec/urlevent"
)

// maxErrorBody bounds what is read of an answer that is no success, in bytes.
const maxErrorBody = 64 << 10

// maxAnswer bounds an answer that is one JSON document, in bytes: a disk's worth, which is full sooner.
const maxAnswer = 1 << 40

// execute invokes the function and saves what it answers. The Result is also in the outcome when it counts.
func (a *attempt) execute(ctx context.Context) (outcome, *Result) {
	ctx, cancel := context.WithDeadlineCause(ctx, a.begins.Deadline, errDeadline)
	defer cancel()
	inv, err := a.invocation(ctx)
	if err != nil {
		return a.failure(ctx, err), nil
	}
	res, err := a.s.deps.Runner.Invoke(ctx, inv)
	if err != nil {
		return a.failure(ctx, err), nil
	}
	defer res.Body.Close()
	a.timing = timing(res, a.begins.GPUs)
	file, problem, err := a.receive(ctx, res)
	o := outcome{result: file}
	switch {
	case err != nil:
		o = a.failure(ctx, err)
	case problem != nil:
		o = a.judged(ctx, problem)
	}
	a.restStream(errors.Is(o.cause, ErrDiskFull))
	return o, file
}

func (a *attempt) invocation(ctx context.Context) (spec.Invocation, error) {
	body, err := a.s.deps.Store.Payload(ctx, a.id)
	if err != nil {
		return spec.Invocation{}, err
	}
	id := uuid.NewString()
	header := map[string]string{"accept": "video/mp4, " + inParts + ";stream=" + a.streaming(), "content-type": "application/json", "x-job-id": a.id}
	event := urlevent.New(id, http.MethodPost, "/generate", header, body, a.s.clock()).Encode()
	return spec.Invocation{ID: id, Function: a.begins.Function, Qualifier: a.begins.Qualifier, Payload: event, Files: a.s.files(a.begins), Tail: true, OnProgress: a.report, OnStart: a.starting}, nil
}

// streaming is "1" where chunks are wanted, else "auto": of a model that streams by itself.
func (a *attempt) streaming() string {
	if a.begins.Stream {
		return "1"
	}
	return "auto"
}

// starting takes to watchers how the instance comes up.
func (a *attempt) starting(s spec.StartStep) {
	p := s.Progress()
	a.mu.Lock()
	a.progress, a.begun = p, a.s.clock()
	a.mu.Unlock()
	a.s.publish(context.WithoutCancel(a.s.ctx), a.id, "progress", p)
}

// report takes the function's progress to watchers; the keeper stores it.
func (a *attempt) report(p spec.Progress) {
	ctx := context.WithoutCancel(a.s.ctx)
	if len(p.Preview) > 0 {
		a.s.publish(ctx, a.id, "preview", map[string]any{"content_type": http.DetectContentType(p.Preview), "image": p.Preview})
		a.mu.Lock()
		a.shown = Preview{Number: a.shown.Number + 1, Image: p.Preview}
		a.mu.Unlock()
		p.Preview = nil
	}
	a.mu.Lock()
	a.progress = p
	a.pace.step(p, a.s.clock())
	a.mu.Unlock()
	a.s.publish(ctx, a.id, "progress", p)
}

// failure is the outcome of an error: why the attempt was ended, when it was, or else what the error means.
func (a *attempt) failure(ctx context.Context, err error) outcome {
	if isFull(err) && !isReadError(err) {
		return outcome{cause: ErrDiskFull}
	}
	if cause := ended(ctx); cause != nil {
		return outcome{cause: cause}
	}
	p, after := classify(err)
	return outcome{problem: p, after: after}
}

// judged is the outcome of an answer that says no.
func (a *attempt) judged(ctx context.Context, p *Problem) outcome {
	if cause := ended(ctx); cause != nil {
		return outcome{cause: cause}
	}
	if p.Status == http.StatusInsufficientStorage {
		return outcome{cause: ErrDiskFull}
	}
	return outcome{problem: p}
}

// ended gives the reason for which ctx was ended by us; nil when it was not.
func ended(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}

func isReadError(err error) bool { var r readError; return errors.As(err, &r) }

// receive reads the head, then the clip into a file, then the trailer. Only an answer whose trailer is clean counts.
func (a *attempt) receive(ctx context.Context, res *spec.Result) (*Result, *Problem, error) {
	head, body, err := answer.Open(res)
	switch {
	case err != nil:
		if f := answer.FailureOf(res, nil); f != nil {
			return nil, broken(res, f), nil
		}
		return nil, nil, err
	case head.StatusCode == 0:
		return a.receiveWhole(ctx, res)
	}
	return a.take(ctx, res, head, body)
}

// receiveWhole reads an answer whose head and clip are in one JSON document: what does not fit into memory lies on disk.
func (a *attempt) receiveWhole(ctx context.Context, res *spec.Result) (*Result, *Problem, error) {
	b := a.s.spool.Buffer()
	defer b.Close()
	whole, failed, err := answer.Whole(res, b, maxAnswer)
	switch {
	case err != nil:
		return nil, nil, err
	case failed != nil:
		return nil, broken(res, failed), nil
	}
	return a.take(ctx, res, whole.Head, whole.Body.Open())
}

func (a *attempt) take(ctx context.Context, res *spec.Result, h urlevent.Head, body io.Reader) (*Result, *Problem, error) {
	if h.StatusCode < 200 || h.StatusCode > 299 {
		b, _ := io.ReadAll(io.LimitReader(body, maxErrorBody))
		return nil, refusal(h, b), nil
	}
	file, read, err := a.saveAnswer(ctx, h, body)
	if err == nil || isReadError(err) {
		if f := answer.FailureOf(res, nil); f != nil {
			a.drop(file)
			return nil, broken(res, f), nil
		}
	}
	if p := a.incomplete(h, file, read); err == nil && p != nil {
		a.drop(file)
		return nil, p, nil
	}
	if err == nil {
		if err = a.keepStream(file); err != nil {
			a.drop(file)
			file = nil
		}
	}
	return file, nil, err
}

// incomplete says what a clip lacks: all of it, or what the head's Content-Length promised.
func (a *attempt) incomplete(h urlevent.Head, file *Result, read int64) *Problem {
	want, err := strconv.ParseInt(header(h.Headers, "Content-Length"), 10, 64)
	switch {
	case file == nil:
		return nil
	case file.Size == 0:
		return &Problem{Kind: "function", Detail: "The function answered with an empty clip.", Retryable: true}
	case err == nil && want != read:
		return &Problem{Kind: "function", Detail: fmt.Sprintf("The clip was cut off after %d of %d bytes.", read, want), Retryable: true}
	}
	return nil
}

func mediaType(headers map[string]string) string {
	if t, _, err := mime.ParseMediaType(header(headers, "Content-Type")); err == nil {
		return t
	}
	return "application/octet-stream"
}

func header(headers map[string]string, name string) string {
	for k, v := range headers {
		if http.CanonicalHeaderKey(k) == name {
			return v
		}
	}
	return ""
}

func (s *Service) publish(ctx context.Context, id, kind string, data any) {
	b, err := json.Marshal(data)
	if err != nil {
		s.log.Error("an event could not be encoded", "job", id, "type", kind, "error", err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := s.feed.Publish(ctx, id, Event{Type: kind, Data: b}); err != nil {
		s.log.Warn("an event could not be published", "job", id, "type", kind, "error", err)
	}
}

// announce tells watchers of a job's new state.
func (s *Service) announce(ctx context.Context, j Job) {
	s.publish(ctx, j.ID, string(j.State), map[string]any{"state": j.State, "attempt": j.Attempts, "reason": j.Reason})
}
