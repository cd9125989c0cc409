package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// requestID is the canonical form of the header that carries the request's id, on every response.
const requestID = "X-Amzn-Requestid"

// hsts tells browsers to come to this host by TLS alone.
const hsts = "Strict-Transport-Security"

var oneYear = []string{"max-age=31536000"}

// RequestID is the id that w's request was given; it is also the invocation's.
func RequestID(w http.ResponseWriter) string {
	if v := w.Header()[requestID]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// maxTrace bounds what a client may say of its trace, in bytes.
const maxTrace = 1024

// TraceID is the client's X-Ray trace id, or one made from the request's id.
func TraceID(r *http.Request, id string) string {
	if v := r.Header["X-Amzn-Trace-Id"]; len(v) > 0 && len(v[0]) <= maxTrace {
		return v[0]
	}
	if len(id) != 36 {
		return ""
	}
	return "Root=1-" + strconv.FormatInt(time.Now().Unix(), 16) + "-" + id[:8] + id[9:13] + id[14:18] + id[19:23] + id[24:28]
}

// observe gives every request an id, every response Server-Timing, every body a limit and a deadline, turns panics into
// 500 and writes the access log.
func observe(o Options, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		res := &response{ResponseWriter: w, start: time.Now()}
		conn := connectionOf(r)
		conn.works()
		defer conn.waits()
		w.Header()[requestID] = []string{uuid.NewString()}
		if r.TLS != nil {
			w.Header()[hsts] = oneYear
		}
		if r.ContentLength != 0 {
			res.body = &body{rc: http.MaxBytesReader(w, r.Body, o.MaxBody), w: w, patience: o.BodyTimeout, size: r.ContentLength, limit: o.MaxBody, conn: conn, expects: r.Header.Get("Expect") != ""}
			r.Body = res.body
		}
		defer func() {
			if p := recover(); p != nil {
				crashed(o.Log, res, r, p)
			}
			if res.status == 0 {
				res.settle() // net/http writes the head
			}
			if o.AccessLog != nil {
				access(o.AccessLog, res, r)
			}
		}()
		next.ServeHTTP(res, r)
	})
}

func crashed(log *slog.Logger, res *response, r *http.Request, p any) {
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p) // net/http drops the connection: the client sees that the answer is incomplete
	}
	log.ErrorContext(r.Context(), "handler panicked", "panic", fmt.Sprint(p), "path", r.URL.Path, "requestId", RequestID(res), "stack", string(debug.Stack()))
	if res.status != 0 {
		panic(http.ErrAbortHandler)
	}
	refuse(res, r, Problem{Status: http.StatusInternalServerError, Type: "ServiceException", Message: "the server failed on this request; its log has the details under request id " + RequestID(res)})
}

func access(log *slog.Logger, res *response, r *http.Request) {
	status := res.status
	if r.Context().Err() != nil && status == 0 {
		status = StatusClientClosed
	}
	log.LogAttrs(r.Context(), slog.LevelInfo, "request", slog.String("method", r.Method), slog.String("host", r.Host), slog.String("path", r.URL.Path),
		slog.Int("status", status), slog.Int64("bytes", res.bytes), slog.Duration("took", time.Since(res.start)),
		slog.String("remote", r.RemoteAddr), slog.String("requestId", RequestID(res)))
}

// response adds Server-Timing to the head and remembers what the access log wants. Handlers reach the connection's
// controls through http.NewResponseController.
type response struct {
	http.ResponseWriter
	start  time.Time
	body   *body // of the request; nil: none
	status int
	bytes  int64
}

// StatusOf is the status that was answered with, as far as it is known; 0: none yet.
func StatusOf(w http.ResponseWriter) int {
	for {
		switch v := w.(type) {
		case *response:
			return v.status
		case interface{ Unwrap() http.ResponseWriter }:
			w = v.Unwrap()
		default:
			return 0
		}
	}
}

func (r *response) settle() {
	if r.body != nil {
		r.body.settle(r.Header())
	}
}

func (r *response) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *response) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.settle()
		r.status = status
		h, b := r.Header(), make([]byte, 0, 96)
		if v := h["Server-Timing"]; len(v) > 0 {
			b = append(append(b, v[0]...), ", "...)
		}
		h["Server-Timing"] = []string{string(appendPhase(b, "total", time.Since(r.start)))}
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *response) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// Flush implements http.Flusher, for handlers that look for it.
func (r *response) Flush() { http.NewResponseController(r.ResponseWriter).Flush() }

// SetPhases puts the phases of an invocation into the head that is still to be written. run is zero while the function
// still streams.
func SetPhases(w http.ResponseWriter, p spec.Phases, run time.Duration) {
	b := make([]byte, 0, 96)
	for _, part := range [...]struct {
		name string
		d    time.Duration
	}{{"queue", p.Queue}, {"evict", p.Evict}, {"create", p.Create}, {"start", p.Start}, {"restore", p.Restore}, {"init", p.Init}, {"run", run}} {
		if part.d <= 0 {
			continue
		}
		if len(b) > 0 {
			b = append(b, ", "...)
		}
		b = appendPhase(b, part.name, part.d)
	}
	if p.Cold {
		if len(b) > 0 {
			b = append(b, ", "...)
		}
		b = append(b, "cold"...)
	}
	if len(b) > 0 {
		w.Header()["Server-Timing"] = []string{string(b)}
	}
}

// SetRunTrailer tells of a streamed answer's run time in a Server-Timing trailer. It comes after the last byte of the body.
func SetRunTrailer(w http.ResponseWriter, run time.Duration) {
	w.Header()[http.TrailerPrefix+"Server-Timing"] = []string{string(appendPhase(nil, "run", run))}
}

// appendPhase writes one metric of Server-Timing; durations there are milliseconds.
func appendPhase(b []byte, name string, d time.Duration) []byte {
	b = append(append(b, name...), ";dur="...)
	return strconv.AppendFloat(b, float64(d.Microseconds())/1e3, 'f', -1, 64)
}
