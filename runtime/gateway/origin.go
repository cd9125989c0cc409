package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/containerd/errdefs"
)

// sameOrigin refuses what a page of another site, or of a function, makes a browser send: without it, any page could drive
// a server on its reader's machine. Function URLs are not behind it; they have CORS. What it lets pass no page of another
// origin may read, or put into itself.
func sameOrigin(trusted []string, next http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	for _, origin := range trusted {
		if err := guard.AddTrustedOrigin(origin); err != nil {
			panic(err) // as http.ServeMux does for a bad pattern
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := guard.Check(r)
		if err == nil && fromFunction(r) {
			err = errOfFunction
		}
		if err != nil {
			refuse(w, r, Explain(fmt.Errorf("a page of another origin may not send this; use the function's URL with a CORS configuration: %w: %w", err, errdefs.ErrPermissionDenied)))
			return
		}
		h := w.Header()
		h[noSniff], h[policy] = noSniffing, ownOrigin
		next.ServeHTTP(w, r)
	})
}

var errOfFunction = errors.New("it comes from a page that a function made")

// fromFunction says whether the page that makes a browser send r is one that a function made. Such pages have an origin of
// their own, see Confine; this is for browsers that do not know that. A link may be followed.
func fromFunction(r *http.Request) bool {
	from := r.Header.Get("Referer")
	if from == "" || r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" {
		return false
	}
	u, err := url.Parse(from)
	if err != nil {
		return true
	}
	return strings.HasPrefix(u.Path, "/fn/") || strings.HasSuffix(u.Path, "/download") || strings.Contains(plainName(u.Hostname()), ".fn.")
}

// Foreign says whether a page of another origin makes a browser send r, as far as the browser tells. Programs tell nothing.
// A link that a person follows is none.
func Foreign(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	if site == "same-origin" || site == "none" || followed(r) {
		return false
	}
	if site != "" {
		return true
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || !strings.EqualFold(u.Host, r.Host)
}

// followed says whether r is a link that has been followed in a window of its own, not in a frame of another page.
func followed(r *http.Request) bool {
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead
	return safe && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}
