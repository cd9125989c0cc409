package rest

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// waitFor reads Prefer (RFC 7240): how long the client would wait for the end, at most most.
func waitFor(r *http.Request, most time.Duration) time.Duration {
	var wait time.Duration
	for _, line := range r.Header.Values("Prefer") {
		for p := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "respond-async":
				// what happens anyway; a wait beside it still holds
			case "wait":
				n, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 31)
				if err == nil {
					wait = min(time.Duration(n)*time.Second, most)
				}
			}
		}
	}
	return wait
}
