// Package url serves function URLs: http://HOST/fn/NAME/… and http://NAME.fn.localhost:PORT/…, with events and answers in
// Lambda's payload format 2.0, buffered or streamed, and an event stream of progress for clients that ask for one.
package url

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
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
	if name, rest, ok := strings.Cut(host, ".fn."); ok && name != "" && rest != "" && !strings.Contains(name, ".") {
		return target{name: name, path: orRoot(raw), own: true}, true
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
	fn, err := gateway.Find(r.Context(), h.Functions, t.name, t.qualifier)
	if err != nil {
		return err
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
	inv := spec.Invocation{ID: id, Function: t.name, Qualifier: t.qualifier, Version: fn.Version, TraceID: trace, Payload: h.event(r, t, id, trace, body)}
	if strings.Contains(r.Header.Get("Accept"), eventStream) {
		return h.serveEvents(w, r, inv)
	}
	res, err := h.Invoker.Invoke(r.Context(), inv)
	if rep, failed := gateway.InitFailure(err, id); failed {
		failure(rep.ErrorType, rep.Body).writeTo(w)
		return nil
	}
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return h.answer(w, fn, res)
}

// answer writes a function's result as an HTTP response: a streamed one as it comes where the function's URL streams.
func (h *Handler) answer(w http.ResponseWriter, fn spec.Function, res *spec.Result) error {
	head, body, err := open(res)
	if err != nil {
		return err
	}
	if res.Streaming && fn.URL.InvokeMode == "RESPONSE_STREAM" {
		begin(w, res, head)
		return h.pour(w, res, body)
	}
	a, err := h.collect(res, head, body)
	if err != nil {
		return err
	}
	gateway.SetPhases(w, res.Phases, a.run)
	a.writeTo(w)
	return nil
}

// begin sends the head of a streamed answer.
func begin(w http.ResponseWriter, res *spec.Result, head answer) {
	gateway.SetPhases(w, res.Phases, 0)
	head.writeHead(w)
}

// pour passes a streamed answer's body on, flushed as it arrives.
func (h *Handler) pour(w http.ResponseWriter, res *spec.Result, body io.Reader) error {
	if err := copyFlushing(w, body); err != nil {
		return breakOff(h.Log, err)
	}
	t := res.Trailer()
	if t.FunctionError != "" {
		return breakOff(h.Log, errors.New("the function failed while it streamed: "+t.ErrorType))
	}
	gateway.SetRunTrailer(w, t.Run)
	return nil
}

// breakOff breaks the connection off: the head is out, and an end that looks orderly would be a lie.
func breakOff(log *slog.Logger, err error) error {
	log.Info("streamed answer broke off", "error", err)
	panic(http.ErrAbortHandler)
}

// copyFlushing copies until the end of src, flushing after every read so that nothing waits in a buffer.
func copyFlushing(w http.ResponseWriter, src io.Reader) error {
	flush, buf := http.NewResponseController(w), make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			if _, werr := w.Write(buf[:n]); werr != nil {
				return werr
			}
			if ferr := flush.Flush(); ferr != nil {
				return ferr
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
