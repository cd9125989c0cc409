package lambda_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/gateway/lambda"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// BenchmarkInvoke is the gateway's share of a warm invocation, client and TCP included.
func BenchmarkInvoke(b *testing.B) {
	c := &gatewaytest.Catalog{}
	if _, err := c.Put(b.Context(), spec.Function{Name: "echo", Image: "x"}); err != nil {
		b.Fatal(err)
	}
	s := gateway.New(gateway.Options{Routes: []gateway.Routes{lambda.New(lambda.Options{Invoker: gatewaytest.Echo, Functions: c, Aliases: c})}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go s.Serve(l)
	defer s.Stop(b.Context())
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	url := "http://" + l.Addr().String() + "/2015-03-31/functions/echo/invocations"
	b.ReportAllocs()
	for b.Loop() {
		resp, err := client.Post(url, "application/json", bytes.NewReader([]byte("{}")))
		if err != nil {
			b.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// BenchmarkHandler is the same without client and TCP.
func BenchmarkHandler(b *testing.B) {
	c := &gatewaytest.Catalog{}
	if _, err := c.Put(b.Context(), spec.Function{Name: "echo", Image: "x"}); err != nil {
		b.Fatal(err)
	}
	h := gateway.New(gateway.Options{Routes: []gateway.Routes{lambda.New(lambda.Options{Invoker: gatewaytest.Echo, Functions: c, Aliases: c})}}).Handler()
	r, _ := http.NewRequest("POST", "/2015-03-31/functions/echo/invocations", nil)
	w := &nowhere{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader([]byte("{}"))), 2
		h.ServeHTTP(w, r)
	}
}

type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (n *nowhere) WriteHeader(int)             {}
