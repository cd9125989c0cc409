package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// page is what a web page makes a browser send.
type page struct {
	method, path, host string
	header             []string // pairs
	body               string
}

// send sends it as the browser would, without following redirects.
func (s *scene) send(ctx context.Context, p page) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, p.method, s.URL+p.path, strings.NewReader(p.body))
	if err != nil {
		return nil, err
	}
	req.Host = p.host
	for i := 0; i < len(p.header); i += 2 {
		req.Header.Add(p.header[i], strings.ReplaceAll(p.header[i+1], "SELF", s.URL))
	}
	return http.DefaultTransport.RoundTrip(req)
}

// refused wants a status; any other is a hole.
func (s *scene) refused(ctx context.Context, p page, want int) error {
	resp, err := s.send(ctx, p)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	drain(resp.Body)
	if resp.StatusCode != want {
		return fmt.Errorf("%s %s of host %q was answered with %d, want %d", p.method, p.path, p.host, resp.StatusCode, want)
	}
	return nil
}

// manifest is a function that would run a program of the attacker's.
const manifest = `{"name":"taken","command":["/bin/sh","-c","id"]}`
