package rest

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// preferences reads Prefer (RFC 7240): names in lower case, and of a repeated one the first.
func preferences(r *http.Request) map[string]string {
	out := map[string]string{}
	for _, line := range r.Header.Values("Prefer") {
		for p := range strings.SplitSeq(line, ",") {
			p, _, _ = strings.Cut(p, ";")
			name, value, _ := strings.Cut(p, "=")
			name = strings.ToLower(strings.TrimSpace(name))
			if _, again := out[name]; !again {
				out[name] = strings.Trim(strings.TrimSpace(value), `"`)
			}
		}
	}
	return out
}

// waitFor is how long the client would wait for the end, at most most. A respond-async beside it is what happens when the
// wait was too short.
func waitFor(r *http.Request, most time.Duration) time.Duration {
	n, err := strconv.ParseUint(preferences(r)["wait"], 10, 31)
	if err != nil {
		return 0
	}
	return min(time.Duration(n)*time.Second, most)
}

func wantsAsync(r *http.Request) bool {
	_, ok := preferences(r)["respond-async"]
	return ok
}
