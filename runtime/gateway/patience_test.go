package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/videosdgx/videosdgx/runtime/gateway"
)

// pipes is a listener whose connections are pipes, so that a server works in a synctest bubble.
type pipes struct {
	conns chan net.Conn
	end   chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.end:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.end) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// bubble runs a server with one handler at /x where time passes while all wait; test has a connection to it.
func bubble(t *testing.T, o gateway.Options, h http.HandlerFunc, test func(t *testing.T, c net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.Routes = []gateway.Routes{gateway.Mount{Pattern: "POST /x", Handler: h}}
		s, l := gateway.New(o), &pipes{conns: make(chan net.Conn), end: make(chan struct{})}
		done := make(chan error, 1)
		go func() { done <- s.Serve(l) }()
		near, far := net.Pipe()
		l.conns <- far
		test(t, near)
		near.Close()
		if err := errors.Join(s.Stop(context.Background()), <-done); err != nil {
			t.Error(err)
		}
	})
}

// answerOf reads a whole answer.
func answerOf(t *testing.T, c net.Conn) (*http.Response, string) {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func TestASlowBodyIsGivenUp(t *testing.T) {
	read := func(w http.ResponseWriter, r *http.Request) {
		_, err := gateway.ReadBody(r, 100, "the payload")
		gateway.WriteError(w, err)
	}
	bubble(t, gateway.Options{}, read, func(t *testing.T, c net.Conn) {
		began := time.Now()
		fmt.Fprint(c, "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n123")
		resp, body := answerOf(t, c)
		if took := time.Since(began); resp.StatusCode != 408 || !resp.Close || took != 10*time.Second {
			t.Errorf("after %v: %d, close %v, %s", took, resp.StatusCode, resp.Close, body)
		}
	})
}

// TestTheWaitForAnAnswerHasNoDeadline, be the body's length known or not.
func TestTheWaitForAnAnswerHasNoDeadline(t *testing.T) {
	wait := func(w http.ResponseWriter, r *http.Request) {
		b, err := gateway.ReadBody(r, 100, "the payload")
		select {
		case <-r.Context().Done():
			err = r.Context().Err()
		case <-time.After(time.Hour):
		}
		fmt.Fprintf(w, "%s %v", b, err)
	}
	for head, body := range map[string]string{"Content-Length: 3": "abc", "Transfer-Encoding: chunked": "3\r\nabc\r\n0\r\n\r\n"} {
		bubble(t, gateway.Options{}, wait, func(t *testing.T, c net.Conn) {
			fmt.Fprintf(c, "POST /x HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n", head)
			synctest.Wait() // the body is waited for, with a deadline
			time.Sleep(9 * time.Second)
			fmt.Fprint(c, body)
			if resp, got := answerOf(t, c); resp.StatusCode != 200 || got != "abc <nil>" {
				t.Errorf("%s: %d %q", head, resp.StatusCode, got)
			}
		})
	}
}
