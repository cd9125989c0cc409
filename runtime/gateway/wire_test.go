package gateway_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/internal/logtest"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/certs/certstest"
)

// doors are one server's listeners of each kind: in the clear, over TLS, and a unix socket.
func doors(t *testing.T, log *slog.Logger, h http.HandlerFunc) map[string]func() (net.Conn, error) {
	t.Helper()
	a := certstest.New(t, t.TempDir())
	cert, key := a.Issue(t, "server")
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	s := gateway.New(gateway.Options{Log: log, Routes: []gateway.Routes{gateway.Mount{Pattern: "/x", Handler: h}}})
	ended := make(chan error, 3)
	open := func(network, at string, serve func(net.Listener) error) string {
		l, err := net.Listen(network, at)
		if err != nil {
			t.Fatal(err)
		}
		go func() { ended <- serve(l) }()
		return l.Addr().String()
	}
	plain := open("tcp", "127.0.0.1:0", s.Serve)
	socket := open("unix", filepath.Join(t.TempDir(), "s"), s.Serve)
	secret := open("tcp", "127.0.0.1:0", func(l net.Listener) error {
		return s.ServeTLS(l, &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}})
	})
	t.Cleanup(func() {
		if err := errors.Join(s.Stop(context.Background()), <-ended, <-ended, <-ended); err != nil {
			t.Error(err)
		}
	})
	over := func(protocols ...string) func() (net.Conn, error) {
		return func() (net.Conn, error) {
			return tls.Dial("tcp", secret, &tls.Config{RootCAs: a.Pool(), ServerName: "localhost", NextProtos: protocols})
		}
	}
	return map[string]func() (net.Conn, error){
		"in the clear": func() (net.Conn, error) { return net.Dial("tcp", plain) },
		"unix":         func() (net.Conn, error) { return net.Dial("unix", socket) },
		"TLS":          over(), "TLS and http/1.1": over("http/1.1"),
	}
}

// TestWhatIsInDoubtIsRefused on every kind of listener, without a proxy in front: 400 with the reason, and an end of the connection.
func TestWhatIsInDoubtIsRefused(t *testing.T) {
	var log logtest.Log
	var answered atomic.Int64
	all := doors(t, slog.New(slog.NewTextHandler(&log, nil)), func(w http.ResponseWriter, r *http.Request) {
		answered.Add(1)
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	const good = "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab"
	const head = "POST /x HTTP/1.1\r\nHost: localhost\r\n"
	for kind, dial := range all {
		for raw, why := range map[string]string{
			head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": "both Transfer-Encoding and Content-Length",
			head + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n": "both Transfer-Encoding and Content-Length",
			head + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab":                 "several Content-Length",
			head + "Host: localhost\r\nContent-Length: 0\r\n\r\n":                     "several Host",
			head + "X: a\r\n b\r\nContent-Length: 0\r\n\r\n":                          "second line",
			head + "X: a\nContent-Length: 0\r\n\r\n":                                  "line feed alone",
			"POST /x HTTP/1.1\nHost: localhost\r\nContent-Length: 0\r\n\r\n":          "line feed alone",
			"POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n":         "HTTP/1.1",
			"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":                                        "HTTP/2",
		} {
			for _, before := range []string{"", good} {
				answered.Store(0)
				text := talk(t, dial, before+raw)
				want := strings.Count(before, good)
				if !strings.Contains(text, why) || strings.Count(text, "HTTP/1.1 400 Bad Request") != 1 || strings.Count(text, "HTTP/1.1 200 OK") != want || int(answered.Load()) != want {
					t.Errorf("%s: %q is answered %q", kind, before+raw, text)
				}
			}
		}
		for _, ext := range []string{";" + strings.Repeat("a", 5000) + "\r\n", ";a\nb\r\n", ";a\x01\r\n"} { // the handler finds it
			text := talk(t, dial, head+"Transfer-Encoding: chunked\r\n\r\n1"+ext+"a\r\n0\r\n\r\n"+good)
			if !strings.HasPrefix(text, "HTTP/1.1 400 ") || strings.Contains(text, "200 OK") {
				t.Errorf("%s: the chunk extension %.20q is answered %q", kind, ext, text)
			}
		}
	}
	if !strings.Contains(log.String(), "whose end is in doubt") {
		t.Errorf("the log says %.300s", &log)
	}
}

// send sends bytes, and gives their connection.
func send(t *testing.T, dial func() (net.Conn, error), raw string) net.Conn {
	t.Helper()
	c, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, raw); err != nil {
		t.Fatal(err)
	}
	return c
}

// talk sends bytes and gives all that comes until the server has closed.
func talk(t *testing.T, dial func() (net.Conn, error), raw string) string {
	t.Helper()
	c := send(t, dial, raw)
	defer c.Close()
	b, err := io.ReadAll(c)
	if err != nil {
		t.Errorf("%.80q: %q, then %v", raw, b, err)
	}
	return string(b)
}

// TestWhoSpeaksNoTLS is told so, and who says nothing is let go.
func TestWhoSpeaksNoTLS(t *testing.T) {
	a := certstest.New(t, t.TempDir())
	cert, key := a.Issue(t, "server")
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	for patience, say := range map[time.Duration]string{time.Minute: "GET / HTTP/1.1\r\n", 100 * time.Millisecond: ""} {
		s := gateway.New(gateway.Options{HeaderTimeout: patience})
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- s.ServeTLS(l, &tls.Config{Certificates: []tls.Certificate{pair}}) }()
		t.Cleanup(func() {
			if err := errors.Join(s.Stop(context.Background()), <-done); err != nil {
				t.Error(err)
			}
		})
		text := talk(t, func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) }, say)
		if told := strings.Contains(text, "an HTTP request to an HTTPS server"); told != (say != "") || say == "" && text != "" {
			t.Errorf("who says %q hears %q", say, text)
		}
	}
}
