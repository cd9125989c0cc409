package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Connections of one client must not keep others out.
const crowd = 20000

func init() {
	add("connections", "20,000 that send nothing", func(ctx context.Context, s *scene) error { return s.crowd(ctx, "connections_silent", "") })
	add("connections", "20,000 that begin a request", func(ctx context.Context, s *scene) error {
		return s.crowd(ctx, "connections_slow", "POST /fn/giver/ HTTP/1.1\r\nHost: localhost\r\n")
	})
	add("connections", "20,000 kept alive after an answer", func(ctx context.Context, s *scene) error {
		return s.crowd(ctx, "connections_kept", "GET /api/v1/version HTTP/1.1\r\nHost: localhost\r\n\r\n")
	})
	add("connections", "20,000 that announce a body", func(ctx context.Context, s *scene) error {
		return s.crowd(ctx, "connections_bodies", "POST /fn/giver/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{")
	})
	add("connections", "that are told of", func(ctx context.Context, s *scene) error {
		resp, err := s.send(ctx, page{method: "GET", path: "/metrics"})
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || !strings.Contains(string(b), "videosdgx_connections") {
			return fmt.Errorf("no metric says how many connections there are: %w", err)
		}
		return nil
	})
}

// crowd opens connections and wants the server to answer somebody else meanwhile.
func (s *scene) crowd(ctx context.Context, figure, send string) error {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || files.Cur < 4096 {
		return elsewhere(fmt.Sprintf("this process may open %d files only", files.Cur))
	}
	n := min(crowd, int(files.Cur)-500) // the limit is the server's as well: it is reached
	open := s.gather(ctx, n, send)
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	var worst time.Duration
	for range 20 {
		one := time.Now()
		if err := s.refusedSoon(ctx); err != nil {
			return fmt.Errorf("with %d connections: %w", len(open), err)
		}
		worst = max(worst, time.Since(one))
	}
	s.report.Figure(figure+"_answer_max_ms", float64(worst.Milliseconds()))
	return nil
}

// refusedSoon asks on a new connection and wants an answer within five seconds.
func (s *scene) refusedSoon(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		return err
	}
	defer c.Close()
	return said(ctx, c, "GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "200")
}

// gather opens n connections, some of them at a time.
func (s *scene) gather(ctx context.Context, n int, send string) []net.Conn {
	var mu sync.Mutex
	var open []net.Conn
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for range n / 16 {
				c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", strings.TrimPrefix(s.URL, "http://"))
				if err != nil {
					continue // refused: the server defends itself
				}
				io.WriteString(c, send)
				mu.Lock()
				open = append(open, c)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return open
}
