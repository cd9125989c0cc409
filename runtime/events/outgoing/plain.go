package outgoing

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/containerd/errdefs"
)

// plainError says in one sentence why a call failed. What it is made of names addresses, resolvers and what other servers say,
// which is for whoever unwraps it and not for who gave the address.
type plainError struct {
	text  string
	cause error
}

func (e *plainError) Error() string { return e.text }
func (e *plainError) Unwrap() error { return e.cause }

// plain makes an error of a call one that may be shown to whoever gave the address.
func plain(err error) error {
	var refused *RefusedError
	var known *plainError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return refused
	case errors.As(err, &known):
		return known
	}
	return &plainError{reason(err), err}
}

// What net/http says, in errors of no type of their own, of a receiver that spoke, or closed the connection, before it had been asked
// anything: the request may or may not be on its way when that is noticed.
const (
	spokeFirst  = "readLoopPeekFailLocked"
	closedFirst = "server closed idle connection"
)

// reason is the sentence.
func reason(err error) string {
	var dns *net.DNSError
	var timeout net.Error
	var certificate *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError
	switch {
	case errors.Is(err, context.Canceled):
		return "the call was given up"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "there is no host of that name"
	case errors.As(err, &dns):
		return "the name of its host could not be looked up; try again later"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "it refuses connections: nothing listens at that port"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL):
		return "it cannot be reached from the server"
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "it did not answer in time"
	case errors.As(err, &certificate):
		return "its certificate cannot be trusted"
	case errors.As(err, &noTLS), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "it does not speak TLS at that port: an address with http:// may be meant"
	case strings.Contains(err.Error(), "malformed HTTP"), strings.Contains(err.Error(), spokeFirst):
		return "what it answered is not HTTP"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), strings.Contains(err.Error(), closedFirst):
		return "it closed the connection before it had answered"
	case errdefs.IsInvalidArgument(err):
		return err.Error()
	}
	return "it could not be called"
}

// plainly is a transport whose errors are plain.
type plainly struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (p plainly) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := p.RoundTripper.RoundTrip(r)
	return resp, plain(err)
}

// CloseIdleConnections is what http.Client looks for.
func (p plainly) CloseIdleConnections() {
	if c, ok := p.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
