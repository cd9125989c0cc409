package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
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
			return errors.Join(err, errors.New("no metric says how many connections there are"))
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
	stop, err := s.others(ctx, crowd/2+500, send) // this process may open no more files than the server
	if err != nil {
		return err
	}
	defer stop()
	open := gather(ctx, s.URL, min(crowd/2, int(files.Cur)-500), send)
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

// others has a second process open n connections and hold them until stop.
func (s *scene) others(ctx context.Context, n int, send string) (stop func(), err error) {
	cmd := exec.CommandContext(ctx, os.Args[0], "-crowd", fmt.Sprint(n), "-crowd-at", s.URL, "-crowd-send", send)
	hold, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := out.Read(make([]byte, 1)); err != nil { // it says when all are open
		return nil, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	return func() { hold.Close(); _ = cmd.Wait() }, nil
}

// beOthers is the second process.
func beOthers(ctx context.Context, n int, at, send string) error {
	open := gather(ctx, at, n, send)
	fmt.Print(".")
	_, err := io.Copy(io.Discard, os.Stdin)
	for _, c := range open {
		c.Close()
	}
	return err
}

// gather opens n connections, some of them at a time.
func gather(ctx context.Context, at string, n int, send string) []net.Conn {
	var mu sync.Mutex
	var open []net.Conn
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for range n / 16 {
				c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", strings.TrimPrefix(at, "http://"))
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
