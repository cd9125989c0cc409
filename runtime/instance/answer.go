package instance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/runtime/guest/client"
	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// answer is the body of a result on its way; it tells the instance when it has ended.
type answer struct {
	i       *Instance
	inv     *spec.Invocation
	resp    *client.Response
	over    func(replace bool)
	begin   time.Time
	once    sync.Once
	trailer spec.Trailer
}

func (a *answer) result() *spec.Result {
	h := a.resp.Head
	return &spec.Result{
		Version: a.i.cfg.Function.Version, ContentType: h.ContentType, Streaming: h.Streaming, FunctionError: h.FunctionError,
		Body: a, Trailer: func() spec.Trailer { return a.trailer },
	}
}

// Read reads the body. A function that broke off its answer ends it; the trailer then says why.
func (a *answer) Read(p []byte) (int, error) {
	n, err := a.resp.Read(p)
	if err == nil {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		a.complete()
		return n, io.EOF
	}
	return n, a.broke(err)
}

// Close cancels what has not been read to its end, and waits until the function has let go of it.
func (a *answer) Close() error {
	err := a.resp.Close()
	a.settle(client.Replace(a.resp.Err()))
	return err
}

// settle says, once, that the instance has nothing more to do with the event.
func (a *answer) settle(replace bool) {
	a.once.Do(func() { a.over(replace) })
}

func (a *answer) complete() {
	e := a.resp.End()
	a.trailer = spec.Trailer{
		FunctionError: e.FunctionError, ErrorType: e.ErrorType, ErrorBody: e.ErrorBody, LogTail: e.LogTail,
		Run: time.Duration(e.RunMicros) * time.Microsecond, MaxMemory: spec.Bytes(e.MaxMemory),
	}
	a.settle(false)
}

func (a *answer) broke(err error) error {
	a.settle(client.Replace(err))
	var f *client.Failure
	if !errors.As(err, &f) || f.Class == wire.ClassCancelled {
		return fmt.Errorf("the answer to invocation %s broke off: %w", a.inv.ID, context.Canceled)
	}
	a.trailer = a.i.fault(a.inv.ID, time.Since(a.begin), f)
	return io.EOF
}

// fault words a function's death or lateness as Lambda does.
func (i *Instance) fault(id string, ran time.Duration, f *client.Failure) spec.Trailer {
	kind, text := "Runtime.ExitError", f.Message
	if f.Class == wire.ClassTimeout {
		kind, text = "Sandbox.Timedout", fmt.Sprintf("Task timed out after %.2f seconds", ran.Seconds())
	} else if e := i.exit(time.Second); e != nil && e.OOMKilled {
		text = fmt.Sprintf("Runtime exited with error: signal: killed (out of memory: limits.memory is %s)", i.cfg.Function.Limits.Memory)
	} else if e != nil && f.Class == wire.ClassProtocol {
		text = fmt.Sprintf("Runtime exited with error: exit status %d", e.Code)
	}
	body, _ := json.Marshal(map[string]string{ // of strings: cannot fail
		"errorType": kind, "errorMessage": fmt.Sprintf("RequestId: %s Error: %s", id, text),
	})
	return spec.Trailer{FunctionError: "Unhandled", ErrorType: kind, ErrorBody: body, LogTail: f.LogTail, Run: ran}
}
