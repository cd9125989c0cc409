package access

import (
	"net"
	"net/http"
	"strings"

	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/auth/keys"
	"github.com/videosdgx/videosdgx/runtime/gateway"
)

// apiKey is the other header that a key may come in.
const apiKey = "X-Api-Key"

// who says for whom a request is made: by what it carries, else by the socket that it came over. nil: it says nothing. What
// it carries must be good, also where the socket alone would do; a route that asks nobody does not look.
func (a *Access) who(r *http.Request, l Listener, need auth.Need) (*auth.Principal, error) {
	if need.Public {
		return nil, nil //nolint:nilnil // nobody is asked
	}
	bearer, key := r.Header["Authorization"], r.Header[apiKey]
	switch {
	case len(bearer)+len(key) > 1:
		return nil, auth.Refuse("the request has several credentials: send one", "%d Authorization, %d %s", len(bearer), len(key), apiKey)
	case l.Signed != nil && l.IsSigned(r):
		return signed(r, l)
	case len(key) == 1:
		return a.Keys.Check(key[0])
	case len(bearer) == 1:
		return a.bearer(r, bearer[0])
	}
	if c, err := r.Cookie(cookieName); err == nil {
		return a.session(r.Context(), c.Value)
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if local != nil && local.Network() == "unix" && !gateway.Forwarded(r) { // a proxy on the socket speaks for others
		return &auth.Principal{Kind: auth.BySocket, Name: "the socket's user", Scopes: auth.Manage}, nil
	}
	return nil, nil //nolint:nilnil // it says nothing
}

// bearer takes a key or a token.
func (a *Access) bearer(r *http.Request, header string) (*auth.Principal, error) {
	scheme, value, _ := strings.Cut(header, " ")
	value = strings.TrimSpace(value)
	switch {
	case !strings.EqualFold(scheme, "Bearer") || value == "":
		return nil, auth.Refuse("the Authorization header is of another kind: write 'Authorization: Bearer KEY'", "scheme %.20q", scheme)
	case keys.Is(value):
		return a.Keys.Check(value)
	case a.Tokens == nil:
		return nil, auth.Refuse("this is not a key of this server", "no key, and no tokens are taken")
	}
	return a.Tokens.Check(r.Context(), value)
}

// signed takes AWS Signature Version 4, whose key may do with functions what AWS's could.
func signed(r *http.Request, l Listener) (*auth.Principal, error) {
	id, err := l.Signed(r)
	if err != nil {
		return nil, err
	}
	if id == "" {
		return nil, auth.Refuse("this server takes no AWS signatures: start it with --access-key and --secret-key, or send an API key", "no access key is configured")
	}
	return &auth.Principal{Kind: auth.BySignature, Name: id, Scopes: auth.Manage}, nil
}

// hide takes credentials out of a request to a function.
func hide(r *http.Request) {
	delete(r.Header, "Authorization")
	delete(r.Header, apiKey)
	dropSession(r)
}

// dropSession takes the session's cookie out of a request, and leaves the others.
func dropSession(r *http.Request) {
	lines := r.Header["Cookie"]
	if len(lines) == 0 || !strings.Contains(strings.Join(lines, ";"), cookieName) {
		return
	}
	var kept []string
	for _, line := range lines {
		for c := range strings.SplitSeq(line, ";") {
			if name, _, _ := strings.Cut(strings.TrimSpace(c), "="); name != "" && name != cookieName {
				kept = append(kept, strings.TrimSpace(c))
			}
		}
	}
	if len(kept) == 0 {
		delete(r.Header, "Cookie")
		return
	}
	r.Header["Cookie"] = []string{strings.Join(kept, "; ")}
}
