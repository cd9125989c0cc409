package client

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	firstPause   = time.Second
	longestPause = 8 * time.Second
	patience     = time.Minute // of pauses in a row that bring nothing, before who retries gives up
)

// retries counts those that have brought nothing. The zero value is none.
type retries struct {
	pause  time.Duration // the last one
	waited time.Duration // in all
}

// next says how long to wait before the next one: twice as long each time, and no less than the server asks for. false: it is
// enough, or the server asks for more than is waited for here.
func (r *retries) next(err error) (time.Duration, bool) {
	r.pause = min(max(firstPause, 2*r.pause), longestPause)
	pause := r.pause
	var refused *Error
	if errors.As(err, &refused) {
		pause = max(pause, refused.RetryAfter)
	}
	if pause > patience-r.waited { // a date may be centuries away, and more than a sum holds
		return 0, false
	}
	r.waited += pause
	return pause, true
}

// brokenError is of an answer that had begun.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return "the stream broke off: " + e.err.Error() }
func (e *brokenError) Unwrap() error { return e.err }

// mayPass says whether the same request may be answered a moment later: by a server that is being started, that is busy, or behind
// a connection that was lost. What the server refuses, a name or certificate that is wrong, and an answer that is no VideosDGX's
// stay as they are.
func mayPass(err error) bool {
	var refused *Error
	var name *net.DNSError
	var broken *brokenError
	var op *net.OpError
	var slow net.Error
	switch {
	case errors.As(err, &refused):
		return refused.mayPass()
	case errors.Is(err, bufio.ErrTooLong), errors.Is(err, syscall.EACCES), errors.As(err, &name) && name.IsNotFound:
		return false
	case errors.As(err, &broken), errors.Is(err, ErrNoServer), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return true
	case errors.As(err, &op):
		return op.Op == "read" || op.Op == "write" // else TLS says what it does not like
	case errors.As(err, &slow) && slow.Timeout():
		return true
	}
	return strings.Contains(err.Error(), "http2: ") // whose errors of lost connections net/http does not export
}

// mayPass says whether a refusal is of the moment.
func (e *Error) mayPass() bool {
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	}
	return e.Status >= 500
}

// retryAfter reads the header of that name: seconds, or a date. 0: there is none that is to come.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseInt(text, 10, 32); err == nil {
		return time.Duration(max(n, 0)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
