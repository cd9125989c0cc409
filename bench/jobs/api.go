package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/videosdgx/videosdgx/runtime/client"
)

// api is the client of one server, or of one among several nodes.
type api struct{ *client.Client }

func newAPI(base string) *api {
	c, err := client.New(client.Options{Server: base, HTTP: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}})
	if err != nil {
		panic(err) // the bench made the address
	}
	return &api{c}
}

// submit queues a prompt under a key.
func (a *api) submit(ctx context.Context, prompt, key string) (client.Job, error) {
	return a.Submit(ctx, client.Submission{Model: "bench", Request: map[string]any{"prompt": prompt}, Key: key, Client: "bench"})
}

// all lists every job, page by page.
func (a *api) all(ctx context.Context) (out []client.Job, err error) {
	for before := ""; ; {
		page, next, err := a.Jobs(ctx, client.JobFilter{Limit: 500, Before: before})
		if err != nil {
			return nil, err
		}
		out = append(out, page...)
		if before = next; before == "" {
			return out, nil
		}
	}
}

// ready waits until the server answers.
func (a *api) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		err := a.Call(ctx, http.MethodGet, "/v1/models/bench/health", nil, nil)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// clip fetches what a job has made. The client does not check it: the bench does.
func (a *api) clip(ctx context.Context, id string) ([]byte, error) {
	k, err := a.Download(ctx, client.Job{ID: id})
	if err != nil {
		return nil, err
	}
	defer k.Close()
	return io.ReadAll(k)
}

// follow reads a job's events to the end of one stream and gives the types seen.
func (a *api) follow(ctx context.Context, id string, opened func()) ([]string, error) {
	resp, err := a.Send(ctx, http.MethodGet, "/v1/jobs/"+id+"/events", nil, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var types []string
	err = client.ReadEvents(resp.Body, func(e client.Event) {
		if types = append(types, e.Type); len(types) == 1 {
			opened()
		}
	})
	return types, err
}
