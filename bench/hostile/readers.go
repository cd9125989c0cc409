package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"
)

// A reader who stops reading must not hold the only instance. It has longest until patient, the stall limit and something.
const patient = 45 * time.Second

func init() {
	const get = "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"
	const post = "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
	small, large := `{"wish":"form=stream&mb=20"}`, `{"wish":"form=stream&mb=300"}`
	const invoke = "/2021-11-15/functions/streamer/response-streaming-invocations"
	for name, request := range map[string]string{
		"a function URL, an answer of 20 MB": fmt.Sprintf(get, "/fn/streamer/?form=stream&mb=20"),
		"a function URL, 300 MB":             fmt.Sprintf(get, "/fn/streamer/?form=stream&mb=300"),
		"a function URL, whole, 100 MB":      fmt.Sprintf(get, "/fn/streamer/?form=whole&mb=100"),
		"an event stream, 100 MB":            "GET /fn/streamer/?form=whole&mb=100 HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n",
		"an event stream of the function's":  "GET /fn/streamer/?form=stream&mb=200&type=text/event-stream HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n",
		"its own host, 300 MB":               "GET /?form=stream&mb=300 HTTP/1.1\r\nHost: streamer.fn.localhost\r\n\r\n",
		"InvokeWithResponseStream, 20 MB":    fmt.Sprintf(post, invoke, len(small), small),
		"InvokeWithResponseStream, 300 MB":   fmt.Sprintf(post, invoke, len(large), large),
		"Invoke, an answer that is 6 MB":     fmt.Sprintf(post, "/2015-03-31/functions/streamer/invocations", 26, `{"wish":"form=plain&mb=5"}`),
	} {
		add("readers", name, func(ctx context.Context, s *scene) error { return s.stopReading(ctx, request) })
	}
}

// stopReading sends a request, reads a little, and wants the function to answer another caller all the same.
func (s *scene) stopReading(ctx context.Context, request string) error {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		return err
	}
	defer c.Close()
	c.(*net.TCPConn).SetReadBuffer(4 << 10)
	if err := said(ctx, c, request, "200"); err != nil {
		return err
	}
	begin := time.Now()
	ctx, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	resp, err := s.send(ctx, page{method: "GET", path: "/fn/streamer/?page=next"})
	if err != nil {
		return fmt.Errorf("the next caller had no answer within %s: %w", patient, err)
	}
	defer resp.Body.Close()
	drain(resp.Body)
	if waited := time.Since(begin).Seconds(); waited > s.report.Figures["readers_wait_max_s"] {
		s.report.Figure("readers_wait_max_s", waited)
	}
	if resp.StatusCode != 200 {
		return fmt.Errorf("the next caller got %s", resp.Status)
	}
	return nil
}
