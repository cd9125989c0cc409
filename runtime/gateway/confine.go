package gateway

import (
	"net/http"
	"slices"
)

// Canonical names of headers, and their values.
const (
	csp     = "Content-Security-Policy"
	noSniff = "X-Content-Type-Options"
	policy  = "Cross-Origin-Resource-Policy"
)

var (
	noSniffing = []string{"nosniff"}
	ownOrigin  = []string{"same-origin"}
	anyOrigin  = []string{"cross-origin"}
)

// reach are headers that would let one answer decide about all others of its origin.
var reach = []string{"Service-Worker-Allowed", "Clear-Site-Data", "Strict-Transport-Security", "Alt-Svc", "Nel", "Report-To"}

// Confine changes the head of an answer that a function made and that leaves under the server's own host: a page in it gets
// an origin of its own, without scripts, so that it can neither read nor drive the control API. The function's own policies
// stay and can only forbid more. shared lets other origins embed it, as its CORS configuration may say.
func Confine(h http.Header, shared bool) {
	h[csp] = append([]string{"sandbox"}, h[csp]...)
	h[noSniff], h[policy] = noSniffing, ownOrigin
	if shared {
		h[policy] = anyOrigin
	}
	secret := slices.Equal(h[hsts], oneYear) // the server's own, or the same
	for _, name := range reach {
		delete(h, name)
	}
	if secret {
		h[hsts] = oneYear
	}
}

// Confined gives a writer that confines what is written with it.
func Confined(w http.ResponseWriter, shared bool) http.ResponseWriter {
	return &confined{ResponseWriter: w, shared: shared}
}

type confined struct {
	http.ResponseWriter
	shared, begun bool
}

func (c *confined) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *confined) WriteHeader(status int) {
	if !c.begun && status >= 200 {
		c.begun = true
		Confine(c.Header(), c.shared)
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *confined) Write(p []byte) (int, error) {
	if !c.begun {
		c.WriteHeader(http.StatusOK)
	}
	return c.ResponseWriter.Write(p)
}

// Flush implements http.Flusher, for handlers that look for it.
func (c *confined) Flush() {
	if !c.begun {
		c.WriteHeader(http.StatusOK)
	}
	http.NewResponseController(c.ResponseWriter).Flush()
}
