package http1

import (
	"io"
	"net"
	"net/http"
	"testing"
)

// BenchmarkServer is why this package exists: one POST as aws-lambda-go sends it, chunked with trailers announced, against
// the same with net/http. Both include the same bare client.
func BenchmarkServer(b *testing.B) {
	b.Run("http1", func(b *testing.B) {
		ln := listen(b)
		s := NewServer(func(w *Reply, r *Request) {
			r.Body.Drain(1 << 20)
			w.JSON(202, `{"status":"OK"}`)
		})
		done := make(chan error, 1)
		go func() { done <- s.Serve(ln) }()
		b.Cleanup(func() { s.Close(); <-done })
		post(b, ln.Addr().String())
	})
	b.Run("net-http", func(b *testing.B) {
		ln := listen(b)
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(202)
			io.WriteString(w, `{"status":"OK"}`)
		})}
		done := make(chan error, 1)
		go func() { done <- s.Serve(ln) }()
		b.Cleanup(func() { s.Close(); <-done })
		post(b, ln.Addr().String())
	})
}

func listen(b *testing.B) net.Listener {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	return ln
}

func post(b *testing.B, addr string) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	req := []byte("POST /2018-06-01/runtime/invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/response HTTP/1.1\r\n" +
		"Host: 127.0.0.1:9001\r\nUser-Agent: aws-lambda-go/go1.26\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n" +
		"Trailer: Lambda-Runtime-Function-Error-Body,Lambda-Runtime-Function-Error-Type\r\nAccept-Encoding: gzip\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
	buf := make([]byte, 4<<10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(req); err != nil {
			b.Fatal(err)
		}
		if n, err := c.Read(buf); err != nil || n == 0 {
			b.Fatal(n, err)
		}
	}
}
