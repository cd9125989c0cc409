// Package url serves function URLs: http://HOST/fn/NAME/… and http://NAME.fn.localhost:PORT/…, with events and answers in
// Lambda's payload format 2.0, buffered or streamed, and an event stream of progress for clients that ask for one.
package url

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/runtime/spec/answer"
	"github.com/videosdgx/videosdgx/runtime/spec/urlevent"
	"github.com/videosdgx/videosdgx/runtime/spool"
)

// Options configure function URLs.
type Options struct {
	Invoker   spec.Invoker
	Functions gateway.Functions
	Log       *slog.Logger

	Account   string        // in requestContext; default 000000000000
	Body      int64         // largest request body in bytes of functions that name no payload limit; default 6 MiB
	Response  int64         // largest buffered answer in bytes; default 256 MiB: a video is an answer too
	KeepAlive time.Duration // between comments in an event stream that has nothing to say; default 15s
	Spool     *spool.Spool  // of answers that are collected or ahead of their readers; default one in the temporary folder
	Stall     time.Duration // how long a client may leave a piece of an answer unread; default gateway.Stall
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Account == "" {
		o.Account = "000000000000"
	}
	if o.Body == 0 {
		o.Body = 6 << 20
	}
	if o.Response == 0 {
		o.Response = 256 << 20
	}
	if o.KeepAlive == 0 {
		o.KeepAlive = 15 * time.Second
	}
	if o.Spool == nil {
		o.Spool = spool.New(spool.Options{})
	}
	if o.Stall == 0 {
		o.Stall = gateway.Stall
	}
	return o
}

// Handler serves function URLs.
type Handler struct{ Options }

// New makes the handler; Invoker and Functions must be set.
func New(o Options) *Handler { return &Handler{o.withDefaults()} }

// Wrap takes function URLs and leaves every other request to next. It comes before the mux, which would clean paths
// that belong to the function.
func (h *Handler) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t, ok := route(r.Host, r.URL)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		if err := h.serve(w, r, t); err != nil {
			gateway.WriteError(w, err)
		}
	})
}

// Is tells whether a request is for a function's URL.
func (h *Handler) Is(r *http.Request) bool {
	_, ok := route(r.Host, r.URL)
	return ok
}

// Need says what a request to a function's URL asks of its caller, and whether it is one. Pages ask before they send
// credentials, and are answered without the function.
func (h *Handler) Need(r *http.Request) (need auth.Need, ok bool) {
	t, ok := route(r.Host, r.URL)
	if !ok {
		return auth.Need{}, false
	}
	fn, err := h.Functions.Get(r.Context(), t.name, t.qualifier)
	if err == nil && (fn.URL.Auth == "none" || fn.URL.CORS != nil && isPreflight(r)) {
		return auth.Everybody, true
	}
	return auth.One(auth.Invoke), true
}

// target is a function URL taken apart.
type target struct {
	name, qualifier string
	path            string // what the function sees, escaped as it came: "/" and more
	own             bool   // by a host name of its own, so that no other function's pages, nor the server's, have its origin
}

// route finds the function that a request's host or path names. NAME may be NAME:QUALIFIER in a path, and
// QUALIFIER.NAME.fn.… is not a form: hosts name functions only.
func route(host string, u *url.URL) (target, bool) {
	raw := u.EscapedPath()
	if i := strings.Index(strings.ToLower(host), ".fn."); i > 0 && len(host) > i+len(".fn.") && !strings.Contains(host[:i], ".") {
		return target{name: host[:i], path: orRoot(raw), own: true}, true
	}
	rest, ok := strings.CutPrefix(raw, "/fn/")
	if !ok {
		return target{}, false
	}
	segment, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		segment, path = rest[:i], rest[i:]
	}
	segment, err := url.PathUnescape(segment)
	if err != nil || segment == "" {
		return target{}, false
	}
	name, qualifier, _ := strings.Cut(segment, ":")
	return target{name: name, qualifier: qualifier, path: orRoot(path)}, name != ""
}

func orRoot(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

// serve answers one request to a function's URL.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, t target) error {
	find := gateway.Find
	if t.own {
		find = gateway.FindFolded
	}
	fn, err := find(r.Context(), h.Functions, t.name, t.qualifier)
	if err != nil {
		return err
	}
	if gateway.URLClosed(r.Context(), h.Functions, fn) {
		return fmt.Errorf("function %s has no URL: it was closed; CreateFunctionUrlConfig, or its manifest, opens it: %w", t.name, errdefs.ErrNotFound)
	}
	if !t.own {
		w = gateway.Confined(w, fn.URL.CORS != nil && slices.Contains(fn.URL.CORS.AllowOrigins, "*"))
	}
	if fn.URL.CORS != nil && applyCORS(w, r, fn.URL.CORS) {
		return nil
	}
	if err := admit(r, fn.URL.CORS); err != nil {
		return err
	}
	limit := int64(fn.Limits.Payload)
	if limit == 0 {
		limit = h.Body
	}
	body, err := gateway.ReadBody(r, limit, "the request body")
	if err != nil {
		return err
	}
	id := gateway.RequestID(w)
	trace := gateway.TraceID(r, id)
	event := h.event(r, t, id, trace, body)
	if int64(len(event)) > limit {
		return fmt.Errorf("the event that this request of %d bytes makes has %d, more than its limit of %d: binary data and escapes grow in it: %w", len(body), len(event), limit, errdefs.ErrOutOfRange)
	}
	inv := spec.Invocation{ID: id, Function: t.name, Qualifier: t.qualifier, Version: fn.Version, TraceID: trace, Payload: event}
	c, cancel := h.call(w, r, fn)
	defer cancel()
	if gateway.WantsOnly(r, eventStream) {
		return c.events(inv)
	}
	res, err := h.Invoker.Invoke(c.r.Context(), inv)
	if rep, failed := gateway.InitFailure(err, id); failed {
		return failure(&answer.Failure{Type: rep.ErrorType, Body: rep.Body}, 0).writeTo(w, r, h.Stall)
	}
	if err != nil {
		return err
	}
	return c.answer(res)
}

// call is one request to a function's URL on its way back.
type call struct {
	*Handler
	w      http.ResponseWriter
	r      *http.Request
	fn     spec.Function
	cancel context.CancelFunc
}

// call begins one: a client that leaves cancels, and where the answer comes in pieces one that does not read.
func (h *Handler) call(w http.ResponseWriter, r *http.Request, fn spec.Function) (c call, cancel func()) {
	if fn.URL.InvokeMode != stream && !gateway.WantsOnly(r, eventStream) {
		return call{h, w, r, fn, func() {}}, func() {}
	}
	ctx, cancel := context.WithCancel(r.Context())
	return call{h, w, r.WithContext(ctx), fn, cancel}, cancel
}

// stream is the InvokeMode of functions whose answers leave as they come.
const stream = "RESPONSE_STREAM"

// answer writes a function's result as an HTTP response: a streamed one as it comes where the function's URL streams.
func (c call) answer(res *spec.Result) error {
	head, body, err := answer.Open(res)
	if err != nil {
		res.Body.Close()
		return badAnswer(err)
	}
	if res.Streaming && res.FunctionError == "" && c.fn.URL.InvokeMode == stream {
		return c.stream(res, head, body)
	}
	b := c.Spool.Buffer()
	defer b.Close()
	a, err := c.collect(res, head, body, b)
	if err != nil {
		return err
	}
	gateway.SetPhases(c.w, res.Phases, a.run)
	return a.writeTo(c.w, c.r, c.Stall)
}

// early is how long the head of a streamed answer waits for the first byte of its body: a function that fails at once gets
// a status that says so.
const early = 200 * time.Millisecond

// stream passes a streamed answer on as it comes. The function may be ahead of a client that reads slowly, and one that does
// not read at all is cut off.
func (c call) stream(res *spec.Result, head urlevent.Head, body io.Reader) error {
	r, err := replyOf(head)
	if err != nil {
		res.Body.Close()
		return err
	}
	ahead := gateway.RunAhead(c.Spool, res, body, false)
	defer ahead.Wait()
	defer ahead.Close()
	defer c.cancel() // before the wait: a client that has gone ends the function
	if ahead.Begun(early) == 0 {
		ahead.Wait()
		if f := answer.FailureOf(res, nil); f != nil {
			return failure(f, res.Trailer().Run).writeTo(c.w, c.r, c.Stall)
		}
		if _, err := ahead.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			return err
		}
	}
	gateway.SetPhases(c.w, res.Phases, 0)
	r.writeHead(c.w)
	return c.pour(res, ahead)
}

// pour passes a streamed answer's body on, flushed as it arrives.
func (c call) pour(res *spec.Result, ahead *gateway.Ahead) error {
	if err := http.NewResponseController(c.w).Flush(); err != nil {
		return breakOff(c.Log, err)
	}
	if err := gateway.Send(c.w, ahead, c.Stall, true); err != nil {
		return breakOff(c.Log, err)
	}
	ahead.Wait()
	if f := answer.FailureOf(res, nil); f != nil {
		return breakOff(c.Log, errors.New("the function failed while it streamed: "+f.Type))
	}
	gateway.SetRunTrailer(c.w, res.Trailer().Run)
	return nil
}

// breakOff breaks the connection off: the head is out, and an end that looks orderly would be a lie.
func breakOff(log *slog.Logger, err error) error {
	log.Info("streamed answer broke off", "error", err)
	return http.ErrAbortHandler
}
