package sandboxtest

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Script is a fake's function: it answers an event through its methods, Answer or Fail or Exit last. ctx ends when the
// instance does or when nobody waits any more.
type Script func(ctx context.Context, e *Event)

// Event is one invocation of a fake.
type Event struct {
	Head    wire.InvokeHead
	Payload []byte

	box       *FakeBox
	conn      net.Conn
	mark      int
	cancelled chan struct{}

	mu    sync.Mutex
	begun bool
	over  bool
}

// Cancelled is closed when the caller has given up.
func (e *Event) Cancelled() <-chan struct{} { return e.cancelled }

// Config is the guest.json of the instance.
func (e *Event) Config() wire.Config { return e.box.guest }

// Log writes a line to the instance's log.
func (e *Event) Log(line string) { e.box.log(line) }

// Hold makes the instance hold memory.
func (e *Event) Hold(n spec.Bytes) {
	e.box.mu.Lock()
	defer e.box.mu.Unlock()
	e.box.anon += n
}

// Progress sends a report.
func (e *Event) Progress(p spec.Progress) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.over {
		wire.WriteJSON(e.conn, wire.Progress, p)
	}
}

// Data sends a piece of the answer; the first makes it a streamed one.
func (e *Event) Data(p string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over {
		return
	}
	e.head(wire.ResponseHead{ContentType: "application/octet-stream", Streaming: true})
	wire.WriteFrame(e.conn, wire.Data, []byte(p))
}

// Answer ends the event with a body, after pieces, or with an error of the function's when end says so.
func (e *Event) Answer(body string, end wire.InvokeEnd) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.box.hold(-1)
	if e.over {
		return
	}
	e.over = true
	e.head(wire.ResponseHead{ContentType: "application/json", FunctionError: end.FunctionError})
	for len(body) > 0 {
		n := min(len(body), wire.MaxData)
		wire.WriteFrame(e.conn, wire.Data, []byte(body[:n]))
		body = body[n:]
	}
	if e.Head.Tail {
		end.LogTail = e.tail()
	}
	wire.WriteJSON(e.conn, wire.End, end)
	e.conn.Close()
}

// Exit ends the whole instance in the middle of the event.
func (e *Event) Exit(code int) {
	e.fail(wire.FailHead{Class: wire.ClassExit, Message: fmt.Sprintf("the function exited with status %d", code), Exit: code})
	e.box.end(code)
}

func (e *Event) fail(f wire.FailHead) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.over {
		e.over = true
		f.LogTail = e.tail()
		wire.WriteJSON(e.conn, wire.Fail, f)
		e.conn.Close()
	}
}

func (e *Event) tail() []byte {
	e.box.mu.Lock()
	defer e.box.mu.Unlock()
	return []byte(e.box.logged[e.mark:])
}

func (e *Event) head(h wire.ResponseHead) {
	if !e.begun {
		e.begun = true
		wire.WriteJSON(e.conn, wire.Head, h)
	}
}

// readPayload reads Data* End.
func (e *Event) readPayload() bool {
	for {
		k, b, err := wire.ReadFrame(e.conn, nil)
		if err != nil || k == wire.End {
			return err == nil
		}
		e.Payload = append(e.Payload, b...)
	}
}

// listen notices a cancel, or that the caller has gone.
func (e *Event) listen() {
	wire.ReadFrame(e.conn, nil)
	close(e.cancelled)
}

// echoEvent is what EchoScript understands of images/echo's options.
type echoEvent struct {
	Log, Sleep, Fail, StreamGap               string
	Progress, AllocateMB, Stream, Bytes       int
	Watch, Stubborn, StreamFail, Env, Context bool
	Exit                                      *int
}

// EchoScript behaves as images/echo.
func EchoScript(ctx context.Context, e *Event) {
	var o echoEvent
	if len(e.Payload) > 0 && e.Payload[0] == '{' {
		json.Unmarshal(e.Payload, &o) // an object of somebody else's is echoed
	}
	if o.Log != "" {
		e.Log(o.Log)
	}
	e.Hold(spec.Bytes(o.AllocateMB) << 20)
	defer e.Hold(-spec.Bytes(o.AllocateMB) << 20)
	for i := range o.Progress {
		e.Progress(spec.Progress{Phase: "echo", Step: i + 1, Steps: o.Progress})
	}
	switch err := o.sleep(ctx, e); {
	case err != "":
		e.Answer(failure(err))
	case o.Exit != nil:
		e.Exit(*o.Exit)
	case o.Fail != "":
		e.Answer(failure(o.Fail))
	case o.Stream > 0:
		o.stream(e)
	default:
		e.Answer(o.body(e), wire.InvokeEnd{RunMicros: 1})
	}
}

func (o *echoEvent) sleep(ctx context.Context, e *Event) string {
	d, _ := time.ParseDuration("0s" + o.Sleep)
	var cancelled <-chan struct{}
	if o.Watch {
		cancelled = e.Cancelled()
	}
	select {
	case <-time.After(d):
		return ""
	case <-cancelled:
		return "cancelled"
	case <-e.box.exited:
		return "killed"
	}
}

func failure(why string) (string, wire.InvokeEnd) {
	b, _ := json.Marshal(map[string]string{"errorMessage": why, "errorType": "errorString"})
	return string(b), wire.InvokeEnd{FunctionError: "Handled", ErrorType: "errorString", ErrorBody: b}
}

func (o *echoEvent) stream(e *Event) {
	gap, _ := time.ParseDuration("0s" + o.StreamGap)
	for i := range o.Stream {
		if i > 0 {
			time.Sleep(gap)
		}
		e.Data(fmt.Sprintf("piece %d\n", i))
	}
	end := wire.InvokeEnd{}
	if o.StreamFail {
		end.FunctionError, end.ErrorType = "Unhandled", "errorString"
	}
	e.Answer("", end)
}

func (o *echoEvent) body(e *Event) string {
	c := e.Config()
	switch {
	case o.Bytes > 0:
		return strings.Repeat("x", o.Bytes)
	case o.Env:
		env := map[string]string{
			"GODEBUG": "multipathtcp=0", "TZ": ":UTC", "VIDEOSDGX_EXTENSIONS": "progress,cancel", "_HANDLER": c.Handler,
		}
		for k, v := range c.Env {
			env[k] = v
		}
		env["AWS_LAMBDA_FUNCTION_NAME"], env["AWS_LAMBDA_FUNCTION_VERSION"] = c.Function, c.Version
		env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = fmt.Sprint(c.MemoryMB)
		env["AWS_LAMBDA_LOG_GROUP_NAME"] = "/aws/lambda/" + c.Function
		b, _ := json.Marshal(env)
		return string(b)
	case o.Context:
		b, _ := json.Marshal(map[string]any{
			"id": e.Head.ID, "arn": e.Head.ARN, "trace": e.Head.TraceID, "deadlineMs": e.Head.DeadlineMs,
			"client": json.RawMessage(e.Head.ClientContext), "identity": json.RawMessage(e.Head.Identity),
		})
		return string(b)
	}
	return string(e.Payload)
}
