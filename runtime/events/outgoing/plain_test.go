package outgoing

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/errdefs"
)

// TestPlainErrors: a receiver that cannot be reached is named with the reason, and nothing of the network behind the server.
func TestPlainErrors(t *testing.T) {
	behind := &net.TCPAddr{IP: net.IPv4(10, 9, 8, 7), Port: 4433}
	dial := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Addr: behind, Source: behind, Err: err}
	}
	for says, err := range map[string]error{
		"no host of that name":       dial(&net.DNSError{Err: "no such host", Name: "hooks.example", Server: "10.9.8.7:53", IsNotFound: true}),
		"could not be looked up":     dial(&net.DNSError{Err: "server misbehaving", Name: "hooks.example", Server: "10.9.8.7:53", IsTemporary: true}),
		"refuses connections":        dial(syscall.ECONNREFUSED),
		"cannot be reached":          dial(syscall.EHOSTUNREACH),
		"did not answer in time":     dial(context.DeadlineExceeded),
		"closed the connection":      &net.OpError{Op: "read", Net: "tcp", Addr: behind, Err: syscall.ECONNRESET},
		"is not HTTP":                errors.New(`net/http: HTTP/1.x transport connection broken: malformed HTTP response "SSH-2.0-10.9.8.7"`),
		"could not be called":        errors.New("something about 10.9.8.7"),
		"given up":                   dial(context.Canceled),
		"may not be called: it is p": dial(&RefusedError{Host: "hooks.example", Addr: behind.AddrPort().Addr(), Why: "it is private"}),
	} {
		got := plain(err)
		if !strings.Contains(got.Error(), says) || strings.Contains(got.Error(), "10.9.8.7") || strings.Contains(got.Error(), "dial") {
			t.Errorf("%v became %v", err, got)
		}
		if again := plain(got); again.Error() != got.Error() {
			t.Errorf("%v became %v", got, again)
		}
	}
	if err := plain(dial(&RefusedError{Host: "x", Why: "y"})); !errdefs.IsPermissionDenied(err) {
		t.Error("its class is lost", err)
	}
	if err := plain(dial(context.Canceled)); !errors.Is(err, context.Canceled) {
		t.Error("its cause is lost", err)
	}
}

// TestWhatReceiversSayIsNotRepeated: a real call of what is no receiver, by a Poster and by a client.
func TestWhatReceiversSayIsNotRepeated(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "SSH-2.0-secret\r\n")
			_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
			_, _ = c.Read(make([]byte, 1024))
			c.Close()
		}
	}()
	https := httptest.NewTLSServer(http.NotFoundHandler())
	defer https.Close()
	c := NewClient(&Guard{}, "127.0.0.1")
	defer c.CloseIdleConnections()
	for address, says := range map[string]string{
		"http://" + l.Addr().String() + "/": "not HTTP", https.URL: "certificate", "https://" + l.Addr().String() + "/": "TLS",
		"http://127.0.0.1:1/": "refuses connections",
	} {
		if err := poster(t, "127.0.0.1").Post(t.Context(), address, nil, nil); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", address, err)
		}
		resp, err := c.Get(address)
		if err == nil {
			resp.Body.Close()
		}
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s by a client: %v", address, err)
		}
	}
}

// TestAReceiverThatIsFirst: one that speaks or leaves as soon as it is called is told of as if it had done so later. Here the request
// waits until that was noticed.
func TestAReceiverThatIsFirst(t *testing.T) {
	for first, says := range map[string]string{"SSH-2.0-secret\r\n": "not HTTP", "": "closed the connection"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		noticed := make(chan struct{})
		go func() {
			defer close(noticed)
			c, err := l.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			if first == "" {
				_ = c.(*net.TCPConn).CloseWrite()
			}
			_, _ = io.WriteString(c, first)
			_, _ = io.Copy(io.Discard, c) // until the other side has closed
		}()
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { <-noticed }})
		address := "http://" + l.Addr().String() + "/"
		if err := poster(t, "127.0.0.1").Post(ctx, address, nil, nil); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q first: %v", first, err)
		}
		l.Close()
	}
}
