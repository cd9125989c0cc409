package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/certs/certstest"
)

// TestNoRequestHidesInAnother: of messages that a proxy in front may read otherwise, none is answered as two.
func TestNoRequestHidesInAnother(t *testing.T) {
	var hidden atomic.Int64
	_, addr := serve(t, gateway.Options{Routes: []gateway.Routes{gateway.Mount{Pattern: "GET /hidden", Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hidden.Add(1) })}}},
		func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				w.WriteHeader(http.StatusBadRequest)
			}
		})
	const second = "GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
	for name, raw := range map[string]string{
		"two lengths":                 "Content-Length: 0\r\nContent-Length: 45\r\n\r\n" + second,
		"two lengths in one line":     "Content-Length: 0, 45\r\n\r\n" + second,
		"a signed length":             "Content-Length: +0\r\n\r\n" + second,
		"a length in hexadecimal":     "Content-Length: 0x0\r\n\r\n" + second,
		"an empty length":             "Content-Length: \r\n\r\n" + second,
		"a blank before the colon":    "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + second,
		"another coding":              "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + second,
		"two codings":                 "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + second,
		"chunked twice":               "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + second,
		"identity":                    "Transfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n" + second,
		"a tab in the coding":         "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n" + second,
		"a folded line":               "X: a\r\n Transfer-Encoding: chunked\r\n\x00\r\n\r\n" + second,
		"a size that is none":         "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n" + second,
		"a negative size":             "Transfer-Encoding: chunked\r\n\r\n-0\r\n\r\n" + second,
		"a size that overflows":       "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n" + second,
		"a chunk that ends elsewhere": "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n" + second,
		"a bare line feed in a size":  "Transfer-Encoding: chunked\r\n\r\n1;\nx\r\na\r\n0\r\n\r\n" + second,
		"a carriage return in a name": "X\r: a\r\nContent-Length: 0\r\n\r\n" + second,
		"a zero in a value":           "X: a\x00b\r\nContent-Length: 0\r\n\r\n" + second,
		"no host":                     "", "two hosts": "Host: localhost\r\nContent-Length: 0\r\n\r\n" + second,
	} {
		head := "POST /x HTTP/1.1\r\nHost: localhost\r\n" + raw
		if name == "no host" {
			head = "POST /x HTTP/1.1\r\nContent-Length: 0\r\n\r\n" + second
		}
		hidden.Store(0)
		if code := sendRaw(t, addr, head); code < 400 || code >= 500 && code != http.StatusNotImplemented || hidden.Load() != 0 {
			t.Errorf("%s: %d, and the hidden request was answered %d times", name, code, hidden.Load())
		}
	}
	if code := sendRaw(t, addr, "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"+second); code != 200 || hidden.Load() != 1 {
		t.Errorf("two plain requests: %d, %d", code, hidden.Load())
	}
}

// sendRaw sends bytes and gives the first answer's status, once the server has ended the connection or answered all.
func sendRaw(t *testing.T, addr, raw string) int {
	t.Helper()
	c := send(t, func() (net.Conn, error) { return net.Dial("tcp", addr) }, raw)
	defer c.Close()
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	resp.Body.Close()
	_, _ = io.Copy(io.Discard, r) // until the server has done with it
	return resp.StatusCode
}

// TestStreamsThatAreResetAtOnce, ten thousand of one connection (CVE-2023-44487): few are worked on at a time, the others are served,
// and nothing of them stays.
func TestStreamsThatAreResetAtOnce(t *testing.T) {
	a := certstest.New(t, t.TempDir())
	cert, key := a.Issue(t, "server")
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	var now, most atomic.Int64
	s := gateway.New(gateway.Options{Routes: []gateway.Routes{
		gateway.Mount{Pattern: "GET /slow", Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			n := now.Add(1)
			defer now.Add(-1)
			for was := most.Load(); n > was && !most.CompareAndSwap(was, n); was = most.Load() {
			}
			<-r.Context().Done()
		})},
		gateway.Mount{Pattern: "GET /fast", Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})},
	}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		done <- s.ServeTLS(l, &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}})
	}()
	t.Cleanup(func() {
		if err := errors.Join(s.Stop(context.Background()), <-done); err != nil {
			t.Error(err)
		}
	})
	config := &tls.Config{RootCAs: a.Pool(), ServerName: "localhost", NextProtos: []string{"h2"}}
	sent := flood(t, l.Addr().String(), config)
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	resp, err := client.Get("https://localhost:" + strings.TrimPrefix(l.Addr().String(), "127.0.0.1:") + "/fast")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 {
		t.Errorf("others get %s over %s", resp.Status, resp.Proto)
	}
	for end := time.Now().Add(20 * time.Second); now.Load() != 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d handlers of streams that were reset work on", now.Load())
		}
	}
	if most.Load() > 250 || sent < 1000 {
		t.Errorf("%d streams were sent, %d of them worked on at a time", sent, most.Load())
	}
}

// flood opens streams and resets each at once until the server has enough of it, and says how many they were.
func flood(t *testing.T, addr string, config *tls.Config) (sent int) {
	t.Helper()
	c, err := tls.Dial("tcp", addr, config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	var head bytes.Buffer
	e := hpack.NewEncoder(&head)
	e.SetMaxDynamicTableSize(0) // each block stands for itself
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "localhost"}, {":path", "/slow"}} {
		if err := e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1], Sensitive: true}); err != nil {
			t.Fatal(err)
		}
	}
	out := bufio.NewWriter(c)
	framer := http2.NewFramer(out, c)
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for {
			if _, err := framer.ReadFrame(); err != nil {
				return // the server ends it
			}
		}
	}()
	for id := uint32(1); sent < 10_000; id += 2 {
		err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: head.Bytes(), EndStream: true, EndHeaders: true})
		if err == nil {
			err = framer.WriteRSTStream(id, http2.ErrCodeCancel)
		}
		if err == nil && sent%50 == 49 {
			err = out.Flush()
		}
		if err != nil {
			break // it has enough
		}
		sent++
	}
	c.Close()
	<-read
	return sent
}
