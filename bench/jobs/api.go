package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// api is the client of one server, or of one among several nodes.
type api struct {
	base string
	http *http.Client
}

func newAPI(base string) *api {
	return &api{base, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
}

func (a *api) close() { a.http.CloseIdleConnections() }

type job struct {
	ID      string                   `json:"id"`
	Status  string                   `json:"status"`
	Request struct{ Prompt string }  `json:"request"`
	Result  *struct{ SHA256 string } `json:"result"`
	Error   json.RawMessage          `json:"error"`

	Interruptions int `json:"interruptions"` // attempts that ended because a server did
}

func (a *api) call(ctx context.Context, method, path string, in, out any, header ...string) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, body)
	if err != nil {
		return err
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 400 {
		return fmt.Errorf("%s %s: %s %.300s", method, path, resp.Status, b)
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = b
		return nil
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}

// submit queues a prompt under a key.
func (a *api) submit(ctx context.Context, prompt, key string) (j job, err error) {
	return j, a.call(ctx, "POST", "/v1/models/bench/generate", map[string]any{"prompt": prompt}, &j, "Idempotency-Key", key, "X-Client-Id", "bench")
}

// all lists every job, page by page.
func (a *api) all(ctx context.Context) (out []job, err error) {
	for before := ""; ; {
		var page struct {
			Jobs []job
			Next string
		}
		if err := a.call(ctx, "GET", "/v1/jobs?limit=500&before="+before, nil, &page); err != nil {
			return nil, err
		}
		out = append(out, page.Jobs...)
		if before = page.Next; before == "" {
			return out, nil
		}
	}
}

// ready waits until the server answers.
func (a *api) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		err := a.call(ctx, "GET", "/v1/models/bench/health", nil, nil)
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

// follow reads a job's events to the end and gives the types seen.
func (a *api) follow(ctx context.Context, id string, opened func()) ([]string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+"/v1/jobs/"+id+"/events", nil)
	if err != nil {
		return nil, err
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var types []string
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if t, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			if types = append(types, t); len(types) == 1 {
				opened()
			}
		}
	}
	return types, lines.Err()
}
