package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// runtimeAPI is the least of Lambda's Runtime API that a function needs: it gives one event to whoever asks next, and
// hears its answer. What is measured against it has no control plane of its own.
type runtimeAPI struct {
	addr   string
	server *http.Server
	events chan []byte
	answer chan []byte
}

func serveRuntimeAPI() (*runtimeAPI, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a := &runtimeAPI{addr: l.Addr().String(), events: make(chan []byte), answer: make(chan []byte, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", a.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{kind}", a.result)
	a.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go a.server.Serve(l) //nolint:errcheck // it ends with close
	return a, nil
}

func (a *runtimeAPI) close() { a.server.Close() }

func (a *runtimeAPI) next(w http.ResponseWriter, r *http.Request) {
	select {
	case e := <-a.events:
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", "1")
		h.Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:local:0:function:peer")
		w.Write(e)
	case <-r.Context().Done():
	}
}

func (a *runtimeAPI) result(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil || r.PathValue("kind") != "response" {
		b = []byte("failed: " + r.PathValue("kind") + " " + string(b))
	}
	w.WriteHeader(http.StatusAccepted)
	a.answer <- b
}

// invoke gives an event to the function that asks next and waits for its answer, which must be the event.
func (a *runtimeAPI) invoke(ctx context.Context, event string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	select {
	case a.events <- []byte(event):
	case <-ctx.Done():
		return fmt.Errorf("the function does not ask for an event: %w", ctx.Err())
	}
	select {
	case got := <-a.answer:
		if strings.TrimSpace(string(got)) != event {
			return fmt.Errorf("the function answered %.200q", got)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the function does not answer: %w", ctx.Err())
	}
}
