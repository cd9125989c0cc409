package http1

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// serve runs a handler on loopback for the time of a test.
func serve(t *testing.T, h Handler) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(h)
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln) }()
	t.Cleanup(func() {
		s.Close()
		s.Close()
		if err := <-done; err != nil {
			t.Errorf("Serve = %v", err)
		}
	})
	return ln.Addr().String()
}

func client(t *testing.T) *http.Client {
	tr := &http.Transport{DisableCompression: true, ExpectContinueTimeout: 10 * time.Second}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func TestKeepAliveAndBodies(t *testing.T) {
	addr := serve(t, func(w *Reply, r *Request) {
		b, _ := io.ReadAll(r.Body)
		w.Send(200, Header{{"X-Path", r.Path}, {"X-Evil", "a\r\nX-Injected: b"}}, append(b, r.Body.Trailer.Get("T")...))
	})
	c := client(t)
	for _, size := range []int{0, 1, 5000, 1 << 20} {
		for _, chunked := range []bool{false, true} {
			body := strings.Repeat("b", size)
			var rd io.Reader = strings.NewReader(body)
			if chunked {
				rd = struct{ io.Reader }{rd}
			}
			req, _ := http.NewRequest("POST", "http://"+addr+"/p", rd)
			req.Header.Set("Expect", "100-continue")
			if chunked {
				req.Trailer = http.Header{"T": {"!"}}
				body += "!"
			}
			resp, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			got, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if string(got) != body || resp.Header.Get("X-Path") != "/p" || resp.Header.Get("X-Injected") != "" {
				t.Errorf("size %d chunked %v: %d bytes, %v", size, chunked, len(got), resp.Header)
			}
		}
	}
}

func TestReplyLaterFromElsewhere(t *testing.T) {
	replies := make(chan *Reply, 1)
	addr := serve(t, func(w *Reply, _ *Request) { replies <- w })
	go func() { (<-replies).JSON(200, `{"late":true}`) }()
	resp, err := client(t).Get("http://" + addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != `{"late":true}` {
		t.Errorf("got %q", b)
	}
}

func TestGone(t *testing.T) {
	gone := make(chan error, 1)
	var w *Reply
	addr := serve(t, func(r *Reply, _ *Request) {
		w = r
		r.OnGone(func() { gone <- nil })
	})
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET / HTTP/1.1\r\n\r\n")
	conn.Close()
	<-gone
	if err := w.JSON(200, "{}"); err == nil {
		t.Error("a reply to nobody was sent")
	}
}

func TestPipeliningIsRefused(t *testing.T) {
	gone := make(chan struct{})
	addr := serve(t, func(w *Reply, _ *Request) { w.OnGone(func() { close(gone) }) })
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n")
	<-gone
	if b, err := io.ReadAll(conn); err == nil && len(b) > 0 {
		t.Errorf("got %q", b)
	}
}

func TestMalformed(t *testing.T) {
	addr := serve(t, func(*Reply, *Request) { t.Error("served") })
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET nonsense HTTP/1.1\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != 400 {
		t.Fatalf("%v, %v", resp, err)
	}
	resp.Body.Close()
}

// TestWait tells a body that stands still from one that has ended.
func TestWait(t *testing.T) {
	waits := make(chan bool, 2)
	addr := serve(t, func(w *Reply, r *Request) {
		buf := make([]byte, 100)
		r.Body.Read(buf)
		waits <- r.Body.Wait(time.Millisecond)
		rest, _ := io.ReadAll(r.Body)
		w.Send(200, nil, rest)
	})
	pr, pw := io.Pipe()
	go func() {
		pw.Write([]byte("first"))
		if <-waits {
			t.Error("nothing more was there, and Wait said so")
		}
		pw.Write([]byte("second"))
		pw.Close()
	}()
	resp, err := client(t).Post("http://"+addr, "text/plain", pr)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != "second" {
		t.Errorf("rest %q", b)
	}
}
