package main

import "context"

// A page elsewhere cannot read a function's answer, but must not make it run either.
func init() {
	for name, header := range map[string][]string{
		"no-cors":               {"Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"},
		"a simple request":      {"Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors"},
		"a form":                {"Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"},
		"an old browser":        {"Origin", "http://evil.example"},
		"a sandboxed page":      {"Origin", "null"},
		"another function":      {"Origin", "http://other.fn.localhost:9000", "Sec-Fetch-Site", "same-site"},
		"another port":          {"Origin", "http://127.0.0.1:1", "Sec-Fetch-Site", "same-site"},
		"a beacon":              {"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Dest", "empty", "Content-Type", "text/plain"},
		"a page without a name": {"Sec-Fetch-Site", "cross-site"},
	} {
		for _, path := range []string{"/fn/giver/", "/fn/giver", "/fn/streamer/a?b=c", "/fn/giver:$LATEST/"} {
			p := page{"POST", path, "", header, "{}"}
			add("blind", "POST "+path+" by "+name, func(ctx context.Context, s *scene) error { return s.refused(ctx, p, 403) })
		}
		own := page{"POST", "/", "giver.fn.localhost:9000", header, "{}"}
		add("blind", "POST to its own host by "+name, func(ctx context.Context, s *scene) error { return s.refused(ctx, own, 403) })
	}
	for dest, mode := range map[string]string{"image": "no-cors", "script": "no-cors", "iframe": "navigate", "video": "no-cors", "object": "navigate", "style": "no-cors"} {
		p := page{"GET", "/fn/giver/?delete=all", "", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", mode, "Sec-Fetch-Dest", dest}, ""}
		add("blind", "GET as "+dest, func(ctx context.Context, s *scene) error { return s.refused(ctx, p, 403) })
	}
}
