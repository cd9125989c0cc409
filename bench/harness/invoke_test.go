package harness

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

func TestCallerKeepsItsConnectionAndReportsErrors(t *testing.T) {
	var opened atomic.Int32
	hang := make(chan struct{})
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		switch string(b) {
		case "bad":
			http.Error(w, "no", http.StatusTeapot)
		case "hang":
			<-hang
		case "failed":
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
		}
		w.Write(b)
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	defer close(hang)
	c := (&Server{URL: srv.URL}).FunctionURL("echo", 1)
	defer c.Close()
	for range 5 {
		if first, err := c.Call(t.Context(), []byte("{}")); err != nil || first <= 0 {
			t.Fatal(first, err)
		}
	}
	if opened.Load() != 1 {
		t.Errorf("%d connections", opened.Load())
	}
	k := <-c.idle
	k.used = k.used.Add(-stale) // a server may have closed it by now
	c.idle <- k
	if _, err := c.Call(t.Context(), []byte("{}")); err != nil || opened.Load() != 2 {
		t.Errorf("%d connections, %v", opened.Load(), err)
	}
	if _, err := c.Call(t.Context(), []byte("bad")); err == nil || !strings.Contains(err.Error(), "418") {
		t.Error(err)
	}
	if _, err := c.Call(t.Context(), []byte("failed")); err == nil {
		t.Error("a function error passed")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Call(ctx, []byte("hang")); err == nil || errors.Is(err, io.EOF) {
		t.Error(err)
	}
}
