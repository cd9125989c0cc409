package client_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/videosdgx/videosdgx/runtime/client"
)

// server stands for a `videosdgx serve` here, so that the examples run anywhere.
func server() *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/hello/invocations", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	mux.HandleFunc("POST /v1/models/wan21/generate", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"id":"0194","status":"queued"}`)
	})
	mux.HandleFunc("GET /v1/jobs/0194/events", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "id: 1\nevent: running\ndata: {}\n\nid: 2\nevent: completed\ndata: {\"id\":\"0194\",\"status\":\"completed\"}\n\n")
	})
	mux.HandleFunc("GET /v1/jobs/0194/download", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "an MP4 file") })
	return httptest.NewServer(mux)
}

// One event, one answer.
func ExampleClient_Invoke() {
	srv := server()
	defer srv.Close()
	c, err := client.New(client.Options{Server: srv.URL})
	if err != nil {
		panic(err)
	}
	r, err := c.Invoke(context.Background(), client.Invocation{Function: "hello", Payload: []byte(`{"name":"Ana"}`)})
	fmt.Println(string(r.Payload), err)
	// Output: {"name":"Ana"} <nil>
}

// A clip from a prompt: queue a job, follow it, fetch what it made.
func ExampleClient_Submit() {
	srv := server()
	defer srv.Close()
	ctx := context.Background()
	c, err := client.New(client.Options{Server: srv.URL})
	if err != nil {
		panic(err)
	}
	job, err := c.Submit(ctx, client.Submission{Model: "wan21", Request: map[string]any{"prompt": "a red circle", "seed": 7}})
	if err != nil {
		panic(err)
	}
	job, err = c.Watch(ctx, job.ID, func(e client.Event) { fmt.Println(e.Type) })
	if err != nil || job.Failure() != nil {
		panic(fmt.Sprint(err, job.Failure()))
	}
	clip, err := c.Download(ctx, job)
	if err != nil {
		panic(err)
	}
	defer clip.Close()
	b, err := io.ReadAll(clip)
	fmt.Println(string(b), err)
	// Output:
	// running
	// completed
	// an MP4 file <nil>
}
