package main

import (
	"context"
	"net"
	"strings"
)

// A page whose host name its owner points at this machine has this server's origin, as the browser sees it.
func init() {
	for _, host := range []string{
		"evil.example:9000", "evil.example", "localhost.evil.example:9000", "127.0.0.1.nip.io:9000", "fn.localhost.evil.example",
		"a.fn.evil.example:9000", "evil-localhost", "0.0.0.0:9000", "10.0.0.1:9000", "[fd00:ec2::254]", "169.254.169.254", "LOCALHOST.evil.example.",
	} {
		origin := []string{"Origin", "http://" + host, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors", "Content-Type", "application/json"}
		for _, p := range []page{
			{"PUT", "/api/v1/functions/taken", host, origin, manifest},
			{"POST", "/2015-03-31/functions/giver/invocations", host, origin, "{}"},
			{"GET", "/api/v1/functions", host, origin, ""},
			{"POST", "/fn/giver/", host, origin, "{}"},
			{"DELETE", "/api/v1/functions/nobody", host, origin, ""},
		} {
			add("rebinding", p.method+" "+p.path+" as "+host, func(ctx context.Context, s *scene) error { return s.refused(ctx, p, 421) })
		}
	}
	add("rebinding", "a name in the request line", func(ctx context.Context, s *scene) error {
		return s.raw(ctx, "GET http://evil.example/api/v1/functions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "421")
	})
	add("rebinding", "no name", func(ctx context.Context, s *scene) error {
		return s.raw(ctx, "GET /api/v1/functions HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", "421")
	})
	add("rebinding", "two names", func(ctx context.Context, s *scene) error {
		return s.raw(ctx, "GET /api/v1/functions HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n", "400")
	})
}

// raw sends bytes and wants a status.
func (s *scene) raw(ctx context.Context, request, want string) error {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		return err
	}
	defer c.Close()
	return said(ctx, c, request, want)
}
