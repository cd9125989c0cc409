package rapi

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/videosdgx/videosdgx/runtime/rapi/http1"
)

const (
	extensionPrefix = "/2020-01-01/extension/"
	extensionID     = "Lambda-Extension-Identifier"
)

// extensions are the function's own companions that asked to be told of events.
type extensions struct {
	mu   sync.Mutex
	byID map[string]*extension
}

type extension struct {
	name    string
	events  []string
	poll    *http1.Reply
	pending [][]byte // events that came between two polls
	settled bool     // it has asked for an event, or given up
}

// register is POST /extension/register.
func (s *Server) register(w *http1.Reply, r *http1.Request) {
	var in struct{ Events []string }
	b, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	name := r.Header.Get("Lambda-Extension-Name")
	if err != nil || json.Unmarshal(b, &in) != nil || name == "" {
		fail(w, 400, "InvalidRequestFormat", "register needs the header Lambda-Extension-Name and a JSON object with events")
		return
	}
	for _, e := range in.Events {
		if e != "INVOKE" && e != "SHUTDOWN" {
			fail(w, 400, "InvalidEventType", "events are INVOKE and SHUTDOWN")
			return
		}
	}
	id := s.exts.add(&extension{name: name, events: in.Events})
	if s.opt.OnExtension != nil {
		s.opt.OnExtension(name)
	}
	body, _ := json.Marshal(map[string]string{
		"functionName": s.opt.Info.Function, "functionVersion": s.opt.Info.Version, "handler": s.opt.Info.Handler,
	})
	w.Send(200, http1.Header{{Name: extensionID, Value: id}, {Name: "Content-Type", Value: "application/json"}}, body)
}

// extensionNext is GET /extension/event/next: a long poll.
func (s *Server) extensionNext(w *http1.Reply, r *http1.Request) {
	e := s.exts.get(r.Header.Get(extensionID))
	if e == nil {
		fail(w, 403, "Extension.UnknownExtensionIdentifier", "register first")
		return
	}
	s.exts.mu.Lock()
	if e.poll = w; len(e.pending) > 0 {
		e.send(e.pending[0])
		e.pending = e.pending[1:]
	}
	s.exts.mu.Unlock()
	s.settle(e)
}

// settle tells once that e is done with its initialisation.
func (s *Server) settle(e *extension) {
	s.exts.mu.Lock()
	first := !e.settled
	e.settled = true
	s.exts.mu.Unlock()
	if first && s.opt.OnSettled != nil {
		s.opt.OnSettled(e.name)
	}
}

// extensionError is POST /extension/init/error and /extension/exit/error.
func (s *Server) extensionError(w *http1.Reply, r *http1.Request) {
	r.Body.Drain(maxErrorBody)
	e := s.exts.get(r.Header.Get(extensionID))
	if e == nil {
		fail(w, 403, "Extension.UnknownExtensionIdentifier", "register first")
		return
	}
	ok(w)
	s.settle(e)
}

// telemetry answers subscriptions to the Telemetry and Logs APIs as Lambda's own emulator does.
func telemetry(w *http1.Reply, r *http1.Request) {
	r.Body.Drain(1 << 20)
	fail(w, 202, "Telemetry.NotSupported", "Telemetry API is not supported")
}

func (x *extensions) add(e *extension) string {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	id := fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.byID == nil {
		x.byID = map[string]*extension{}
	}
	x.byID[id] = e
	return id
}

func (x *extensions) get(id string) *extension {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.byID[id]
}

// invoke tells extensions of an event.
func (x *extensions) invoke(e *Event) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.byID) == 0 {
		return
	}
	b, _ := json.Marshal(map[string]any{
		"eventType": "INVOKE", "deadlineMs": e.DeadlineMs, "requestId": e.ID, "invokedFunctionArn": e.ARN,
		"tracing": map[string]string{"type": "X-Amzn-Trace-Id", "value": e.TraceID},
	})
	x.tell("INVOKE", b)
}

// ShutDown tells the extensions that asked for it that the instance ends, and gives their names; reason is "spindown",
// "timeout" or "failure".
func (s *Server) ShutDown(reason string, deadlineMs int64) []string {
	x := &s.exts
	x.mu.Lock()
	defer x.mu.Unlock()
	b, _ := json.Marshal(map[string]any{"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadlineMs})
	return x.tell("SHUTDOWN", b)
}

// tell sends to all that asked for this kind, and names them; the caller holds mu.
func (x *extensions) tell(kind string, event []byte) (told []string) {
	for _, e := range x.byID {
		if slices.Contains(e.events, kind) {
			e.send(event)
			told = append(told, e.name)
		}
	}
	return told
}

// send answers the poll, or keeps the event for the next one; an extension that never polls keeps only the last few.
func (e *extension) send(event []byte) {
	if w := e.poll; w != nil {
		e.poll = nil
		if w.Send(200, jsonType, event) == nil {
			return
		}
	}
	if e.pending = append(e.pending, event); len(e.pending) > 16 {
		e.pending = e.pending[1:]
	}
}

var jsonType = http1.Header{{Name: "Content-Type", Value: "application/json"}}
