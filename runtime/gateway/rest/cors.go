package rest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
)

// CORS lets pages of other origins use what lies under a path.
type CORS struct {
	origins []string // "https://host:port"; "*": any
	prefix  string
}

// NewCORS lets pages of the given origins, by commas, use what lies under prefix. InvalidArgument for what is no origin.
func NewCORS(origins, prefix string) (*CORS, error) {
	c := &CORS{prefix: prefix}
	for o := range strings.SplitSeq(origins, ",") {
		if o = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(o), "/")); o == "" {
			continue
		}
		if u, err := url.Parse(o); o != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+u.Host != o) {
			return nil, fmt.Errorf("origins has %q: write https://HOST or https://HOST:PORT, by commas, or * for any: %w", o, errdefs.ErrInvalidArgument)
		}
		c.origins = append(c.origins, o)
	}
	return c, nil
}

// What scripts may send and read.
const (
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	corsSend    = "Accept, Authorization, Cache-Control, Content-Type, Idempotency-Key, If-None-Match, If-Range, Last-Event-ID, Prefer, Range, X-Client-Id"
	corsRead    = "Cache, Content-Disposition, Content-Range, ETag, Idempotency-Replayed, Location, Preference-Applied, Repr-Digest, Retry-After, Server-Timing"
	corsKeep    = 10 * time.Minute
)

// Wrap answers preflights and tells browsers that a page may read an answer. A request of a page that may use the API
// passes the guard against pages of other origins: it has been let in here, and for this part of the API alone.
func (c *CORS) Wrap(next http.Handler) http.Handler {
	if len(c.origins) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, c.prefix) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		if origin == "" || !c.allows(origin) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Access-Control-Allow-Origin", origin)
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			preflight(w.Header())
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Access-Control-Expose-Headers", corsRead)
		r = r.Clone(r.Context())
		for _, name := range []string{"Origin", "Sec-Fetch-Site", "Referer"} {
			r.Header.Del(name)
		}
		next.ServeHTTP(w, r)
	})
}

func (c *CORS) allows(origin string) bool {
	return slices.Contains(c.origins, "*") && origin != "null" || slices.Contains(c.origins, strings.ToLower(origin))
}

func preflight(h http.Header) {
	h.Set("Access-Control-Allow-Methods", corsMethods)
	h.Set("Access-Control-Allow-Headers", corsSend)
	h.Set("Access-Control-Max-Age", fmt.Sprint(int(corsKeep.Seconds())))
}
