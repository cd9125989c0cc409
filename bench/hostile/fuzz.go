package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// How many requests are made, how long one may take, and what may stay.
const (
	fuzzed       = 10_000
	fuzzPatience = 15 * time.Second
	fuzzLeft     = 50 // goroutines
)

func init() {
	add("fuzz", "ten thousand requests over every operation of OpenAPI", func(ctx context.Context, s *scene) error { return s.fuzz(ctx) })
}

// fuzz sends requests that are right in part: every operation of the document, with values of every kind in its path, query,
// headers and body. A server may refuse them, but not break.
func (s *scene) fuzz(ctx context.Context) error {
	if s.driver != "process" {
		return elsewhere("the giver runs as a process")
	}
	if err := s.model(ctx); err != nil {
		return err
	}
	routes, docs, err := operations(ctx, s.URL, "")
	if err != nil {
		return err
	}
	slices.Sort(routes)
	before, err := s.goroutines(ctx)
	if err != nil {
		return err
	}
	f := fuzzer{rand.New(rand.NewPCG(21, 10))} //nolint:gosec // the same every time
	var broken []error
	for n := range fuzzed {
		route := routes[n%len(routes)]
		if err := s.fuzzOne(ctx, f, route, docs[route]); err != nil && len(broken) < 20 {
			broken = append(broken, fmt.Errorf("request %d, %s: %w", n, route, err))
		}
		if ctx.Err() != nil {
			return fmt.Errorf("only %d requests in time: %w", n, ctx.Err())
		}
	}
	s.report.Figure("fuzz_requests", fuzzed)
	s.report.Figure("fuzz_broken", float64(len(broken)))
	s.report.Want("fuzz_broken", "= 0")
	http.DefaultClient.CloseIdleConnections()
	left := 0
	for range 40 {
		after, err := s.goroutines(ctx)
		if err != nil {
			return err
		}
		if left = after - before; left < fuzzLeft {
			break
		}
		time.Sleep(500 * time.Millisecond)
	}
	s.report.Figure("fuzz_goroutines_left", float64(left))
	if left >= fuzzLeft {
		broken = append(broken, fmt.Errorf("%d goroutines stayed", left))
	}
	return errors.Join(broken...)
}

func (s *scene) fuzzOne(ctx context.Context, f fuzzer, route string, doc any) error {
	ctx, cancel := context.WithTimeout(ctx, fuzzPatience)
	defer cancel()
	req, err := f.request(ctx, s.URL, route, doc)
	if err != nil {
		return nil //nolint:nilerr // no client could send it
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		if strings.Contains(err.Error(), "invalid header") || strings.Contains(err.Error(), "malformed") {
			return nil
		}
		return err
	}
	defer resp.Body.Close()
	stream := strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream")
	if !stream {
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return err
		}
	}
	switch c := resp.StatusCode; {
	case c >= 500 && c != http.StatusNotImplemented && c != http.StatusServiceUnavailable && c != http.StatusInsufficientStorage:
		return fmt.Errorf("%s %s was answered with %s", req.Method, req.URL, resp.Status)
	case c < 200:
		return fmt.Errorf("answered with %s", resp.Status)
	}
	return nil
}

var goCount = regexp.MustCompile(`(?m)^go_goroutines (\d+)`)

func (s *scene) goroutines(ctx context.Context) (int, error) {
	resp, err := s.send(ctx, page{method: "GET", path: "/metrics"})
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	m := goCount.FindSubmatch(b)
	if err != nil || m == nil {
		return 0, fmt.Errorf("no go_goroutines in /metrics: %w", err)
	}
	return strconv.Atoi(string(m[1]))
}

// fuzzer draws requests.
type fuzzer struct{ *rand.Rand }

// words are texts that have broken servers.
var words = []string{
	"", "x", "0", "-1", "1e400", "9223372036854775808", "NaN", "null", "true", "{}", "[]", "../../etc/passwd", "..%2f", "%00", "\x00", "\u202e", "\ufeff", "\ud7ff", "a\r\nX-Injected: 1", "'; DROP TABLE jobs; --",
	"${jndi:ldap://x}", "<script>", "{{7*7}}", "%s%n", strings.Repeat("A", 5000), strings.Repeat("é", 300), "01900000-0000-7000-8000-000000000000", "upload:01900000-0000-7000-8000-000000000000", "http://127.0.0.1/",
	"http://[::1", "wan21", "queued", "queued,running", "wait=1", "wait=-1", "respond-async", "bytes=0-", "bytes=9-1", "W/\"x\"", "text/html;q=2", "video/mp4", "*/*;q=0",
}

func (f fuzzer) word() string { return words[f.IntN(len(words))] }

// value draws JSON of any kind, seldom deep.
func (f fuzzer) value(depth int) any {
	switch f.IntN(9) {
	case 0:
		return nil
	case 1:
		return f.IntN(2) == 0
	case 2:
		return f.Int64() - f.Int64()
	case 3:
		return f.NormFloat64() * 1e9
	case 4, 5:
		return f.word()
	case 6:
		if depth > 3 {
			return []any{}
		}
		list := make([]any, f.IntN(4))
		for i := range list {
			list[i] = f.value(depth + 1)
		}
		return list
	default:
		if depth > 3 {
			return map[string]any{}
		}
		m := map[string]any{}
		for range f.IntN(5) {
			m[f.field()] = f.value(depth + 1)
		}
		return m
	}
}

func (f fuzzer) field() string {
	known := []string{"prompt", "prompts", "requests", "seed", "width", "height", "num_frames", "num_inference_steps", "priority", "deadline_seconds", "max_attempts", "webhook", "image", "negative_prompt", f.word()}
	return known[f.IntN(len(known))]
}

func (f fuzzer) body() []byte {
	switch f.IntN(8) {
	case 0:
		return nil
	case 1:
		return []byte(f.word())
	case 2:
		return []byte(strings.Repeat("[", 1+f.IntN(20_000)))
	case 3:
		b := make([]byte, f.IntN(4096))
		for i := range b {
			b[i] = byte(f.Uint32())
		}
		return b
	}
	b, err := json.Marshal(f.value(0))
	if err != nil {
		return []byte("{")
	}
	if f.IntN(6) == 0 && len(b) > 0 {
		b = b[:f.IntN(len(b))]
	}
	return b
}

// request makes one of an operation: its own parameters, with values that fit or do not, and some that it does not know.
func (f fuzzer) request(ctx context.Context, base, route string, doc any) (*http.Request, error) {
	method, path, _ := strings.Cut(route, " ")
	path = inBraces.ReplaceAllStringFunc(path, func(name string) string {
		if name == "{model}" && f.IntN(4) > 0 {
			return "artist" // the one there is
		}
		return url.PathEscape(f.word())
	})
	query, header := url.Values{}, http.Header{}
	op, _ := doc.(map[string]any)
	params, _ := op["parameters"].([]any)
	for _, p := range params {
		one, _ := p.(map[string]any)
		name, _ := one["name"].(string)
		if f.IntN(2) == 0 {
			continue
		}
		switch one["in"] {
		case "query":
			query.Add(name, f.word())
		case "header":
			header.Set(name, f.word())
		}
	}
	if f.IntN(5) == 0 {
		query.Add(f.word(), f.word())
	}
	for _, name := range []string{"Accept", "Content-Type", "Range", "If-None-Match", "Accept-Encoding"} {
		if f.IntN(6) == 0 {
			header.Set(name, f.word())
		}
	}
	if f.IntN(3) > 0 && method != http.MethodGet {
		header.Set("Content-Type", []string{"application/json", "multipart/form-data; boundary=x", "multipart/form-data", "application/x-www-form-urlencoded"}[f.IntN(4)])
	}
	var body io.Reader = http.NoBody
	if b := f.body(); method != http.MethodGet && b != nil {
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, base+path+"?"+query.Encode(), body)
	if err != nil {
		return nil, err
	}
	req.Header = header
	if req.Header.Get("Prefer") != "" {
		req.Header.Set("Prefer", []string{"respond-async", "wait=0", "wait=x", "wait=-5"}[f.IntN(4)])
	}
	return req, nil
}
