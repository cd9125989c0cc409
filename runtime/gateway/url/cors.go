package url

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// admit refuses what pages of other origins send to a function whose CORS configuration does not name them: they cannot
// read the answer, but the function would have run.
func admit(r *http.Request, c *spec.CORS) error {
	if !gateway.Foreign(r) || c != nil && allows(c.AllowOrigins, r.Header.Get("Origin"), false) {
		return nil
	}
	return fmt.Errorf("a page of another origin may not call this function; name the page's origin in url.cors.allowOrigins: %w", errdefs.ErrPermissionDenied)
}

// applyCORS sets the headers that a URL's CORS configuration calls for, and says whether it has answered: preflight
// requests never reach the function.
func applyCORS(w http.ResponseWriter, r *http.Request, c *spec.CORS) bool {
	h := w.Header()
	h.Add("Vary", "Origin") // also of an answer without it: a cache must not give that one to a page
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	wanted := r.Header.Get("Access-Control-Request-Method")
	preflight := isPreflight(r)
	if allows(c.AllowOrigins, origin, false) {
		setCORS(h, c, origin)
		if preflight {
			setPreflight(h, r, c, wanted)
		}
	}
	if preflight {
		w.WriteHeader(http.StatusOK)
	}
	return preflight
}

// isPreflight says whether a browser asks what a page may send; applyCORS answers it.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

func setCORS(h http.Header, c *spec.CORS, origin string) {
	if slices.Contains(c.AllowOrigins, "*") && !c.AllowCredentials {
		origin = "*"
	}
	h.Set("Access-Control-Allow-Origin", origin)
	if c.AllowCredentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if len(c.ExposeHeaders) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(c.ExposeHeaders, ","))
	}
}

func setPreflight(h http.Header, r *http.Request, c *spec.CORS, method string) {
	if allows(c.AllowMethods, method, false) {
		h.Set("Access-Control-Allow-Methods", method)
	}
	var ok []string
	for name := range strings.SplitSeq(r.Header.Get("Access-Control-Request-Headers"), ",") {
		if name = strings.TrimSpace(name); name != "" && allows(c.AllowHeaders, name, true) {
			ok = append(ok, name)
		}
	}
	if len(ok) > 0 {
		h.Set("Access-Control-Allow-Headers", strings.Join(ok, ","))
	}
	if c.MaxAge > 0 {
		h.Set("Access-Control-Max-Age", strconv.Itoa(int(c.MaxAge.D().Seconds())))
	}
}

// allows matches against a list where "*" stands for everything and "https://*.example.com" for one label or more.
func allows(list []string, v string, fold bool) bool {
	return slices.ContainsFunc(list, func(p string) bool {
		if p == "*" || p == v || fold && strings.EqualFold(p, v) {
			return true
		}
		before, after, wild := strings.Cut(p, "*")
		return wild && len(v) > len(before)+len(after) && strings.HasPrefix(v, before) && strings.HasSuffix(v, after)
	})
}
