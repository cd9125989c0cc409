package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// What a function sends under the server's own host must not have the server's origin.
func init() {
	for _, kind := range []string{"text/html", "image/svg+xml", "application/xhtml+xml", "application/javascript", "text/plain", "application/pdf", "text/xml"} {
		for _, fn := range []string{"giver", "giver:$LATEST"} {
			add("pages", kind+" of "+fn, func(ctx context.Context, s *scene) error {
				return s.confined(ctx, "/fn/"+fn+"/a/b?page=x&type="+url.QueryEscape(kind))
			})
		}
		add("pages", kind+", streamed", func(ctx context.Context, s *scene) error {
			return s.confined(ctx, "/fn/streamer/?form=stream&page=x&type="+url.QueryEscape(kind))
		})
	}
	ofFunction := func(from string, more ...string) []string {
		return append([]string{"Referer", from, "Origin", "SELF", "Sec-Fetch-Site", "same-origin", "Content-Type", "application/json"}, more...)
	}
	for name, header := range map[string][]string{
		"its address":           ofFunction("SELF/fn/giver/"),
		"a deep address":        ofFunction("SELF/fn/giver:1/a/b?c#d"),
		"a clip":                ofFunction("SELF/v1/jobs/x/download?inline=true"),
		"a model's clip":        ofFunction("SELF/v1/models/m/jobs/x/download"),
		"a sandbox":             {"Origin", "null", "Sec-Fetch-Site", "cross-site", "Content-Type", "application/json"},
		"an old browser":        {"Origin", "null", "Content-Type", "application/json"},
		"its own host":          {"Origin", "http://giver.fn.localhost:9000", "Sec-Fetch-Site", "same-site", "Content-Type", "application/json"},
		"its own host, by form": {"Origin", "http://giver.fn.localhost:9000", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Content-Type", "text/plain"},
	} {
		for _, p := range []page{
			{"PUT", "/api/v1/functions/taken", "", header, manifest},
			{"POST", "/2015-03-31/functions/giver/invocations", "", header, "{}"},
			{"DELETE", "/api/v1/functions/nobody", "", header, ""},
			{"POST", "/v1/models/m/generate", "", header, "{}"},
		} {
			add("pages", p.method+" "+p.path+" of a page known by "+name, func(ctx context.Context, s *scene) error { return s.refused(ctx, p, 403) })
		}
	}
}

// confined wants an answer whose page would have an origin of its own.
func (s *scene) confined(ctx context.Context, path string) error {
	resp, err := s.send(ctx, page{method: "GET", path: path})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	drain(resp.Body)
	h := resp.Header
	policies := strings.Split(strings.ReplaceAll(strings.Join(h.Values("Content-Security-Policy"), ";"), " ", ""), ";")
	if resp.StatusCode != http.StatusOK || !slices.Contains(policies, "sandbox") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cross-Origin-Resource-Policy") == "" {
		return fmt.Errorf("%d with the head %v", resp.StatusCode, h)
	}
	return nil
}
