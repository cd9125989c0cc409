package rapi

import (
	"strings"

	"github.com/videosdgx/videosdgx/runtime/rapi/http1"
)

const (
	prefix     = "/2018-06-01/runtime/"
	invocation = prefix + "invocation/"
)

// route finds the endpoint. Paths with an event's id end in the endpoint's name.
func (s *Server) route(w *http1.Reply, r *http1.Request) {
	if id, name, ok := eventPath(r.Path); ok {
		if h := s.eventEndpoint(r.Method, name); h != nil {
			s.withCall(w, r, id, h)
			return
		}
	}
	if h := s.endpoint(r.Method + " " + r.Path); h != nil {
		h(w, r)
		return
	}
	fail(w, 404, "InvalidPath", "there is no "+r.Method+" at this path of the Runtime API")
}

func eventPath(path string) (id, name string, ok bool) {
	rest, ok := strings.CutPrefix(path, invocation)
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, "/")
}

func (s *Server) endpoint(line string) http1.Handler {
	switch line {
	case "GET " + invocation + "next":
		return s.next
	case "POST " + prefix + "init/error":
		return s.initError
	case "GET " + prefix + "restore/next":
		return s.restoreNext
	case "POST " + prefix + "restore/error":
		return s.restoreError
	case "POST " + extensionPrefix + "register":
		return s.register
	case "GET " + extensionPrefix + "event/next":
		return s.extensionNext
	case "POST " + extensionPrefix + "init/error", "POST " + extensionPrefix + "exit/error":
		return s.extensionError
	case "PUT /2022-07-01/telemetry", "PUT /2020-08-15/logs":
		return telemetry
	}
	return nil
}

type callHandler func(w *http1.Reply, r *http1.Request, c *Call)

func (s *Server) eventEndpoint(method, name string) callHandler {
	switch method + " " + name {
	case "POST response":
		return s.response
	case "POST error":
		return s.invocationError
	case "POST progress":
		return s.progress
	case "GET cancellation":
		return s.cancellation
	}
	return nil
}

// withCall refuses ids that the function does not hold.
func (s *Server) withCall(w *http1.Reply, r *http1.Request, id string, h callHandler) {
	if c := s.call(id); c != nil {
		h(w, r, c)
		return
	}
	if strings.HasSuffix(r.Path, "/cancellation") {
		w.Send(204, nil, nil) // finished, as far as anybody can tell
		return
	}
	r.Body.Drain(1 << 30)
	fail(w, 400, "InvalidRequestID", "the function does not hold an event of this id")
}

const accepted = `{"status":"OK"}` + "\n"

func ok(w *http1.Reply) { w.JSON(202, accepted) }

// fail answers with Lambda's error object; both texts are constants or plain.
func fail(w *http1.Reply, status int, kind, message string) {
	w.JSON(status, `{"errorType":"`+kind+`","errorMessage":"`+jsonPlain(message)+`"}`+"\n")
}

// jsonPlain drops what would need escaping in a JSON string.
func jsonPlain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == '"' || r == '\\' || r == 0xFFFD {
			return -1
		}
		return r
	}, s)
}
