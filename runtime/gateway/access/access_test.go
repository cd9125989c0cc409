package access

import (
	"context"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/auth/keys"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/limits"
)

// seen is what came through a guard.
type seen struct {
	who    *auth.Principal
	header http.Header
}

// guard puts one before a handler that notes what it sees; paths under /fn/ are functions, /fn/open/ one that asks nobody.
func guard(a *Access, routes ...gateway.Routes) (http.Handler, *seen) {
	s := &seen{}
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		*s = seen{auth.From(r.Context()), r.Header.Clone()}
	})
	return a.Guard(Listener{Routes: routes, Function: func(r *http.Request) (auth.Need, bool) {
		if strings.HasPrefix(r.URL.Path, "/fn/open/") {
			return auth.Everybody, true
		}
		return auth.One(auth.Invoke), strings.HasPrefix(r.URL.Path, "/fn/")
	}})(h), s
}

func open(t *testing.T) (*Access, *keys.Store) {
	t.Helper()
	store, err := keys.Open(filepath.Join(t.TempDir(), "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{Keys: store}), store
}

func create(t *testing.T, s *keys.Store, name string, scopes auth.Scopes) string {
	t.Helper()
	_, secret, err := s.Create(keys.Wish{Name: name, Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func do(h http.Handler, method, path string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), method, path, nil)
	maps.Copy(r.Header, header)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestOpenUntilThereIsAKey(t *testing.T) {
	a, store := open(t)
	h, s := guard(a)
	if w := do(h, "DELETE", "/anything", nil); w.Code != 200 || s.who != nil {
		t.Errorf("%d %+v", w.Code, s.who)
	}
	key := create(t, store, "admin", auth.Manage)
	if w := do(h, "DELETE", "/anything", nil); w.Code != http.StatusUnauthorized || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := do(h, "DELETE", "/anything", http.Header{"Authorization": {"bearer " + key}}); w.Code != 200 || s.who.Name != "admin" {
		t.Errorf("%d", w.Code)
	}
}

// A route that nobody has said anything of is for those who manage.
func TestAForgottenRouteIsClosed(t *testing.T) {
	a, store := open(t)
	key := create(t, store, "user", auth.Invoke|auth.Submit|auth.ReadAll|auth.Metrics)
	h, _ := guard(a, gateway.Mount{Pattern: "GET /known", Need: auth.Known}, forgotten{})
	for path, want := range map[string]int{"/known": 200, "/forgotten": http.StatusForbidden, "/other": http.StatusForbidden} {
		if w := do(h, "GET", path, http.Header{"X-Api-Key": {key}}); w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

type forgotten struct{}

func (forgotten) Register(mux *http.ServeMux) { mux.Handle("GET /forgotten", http.NotFoundHandler()) }

// A function is told nothing that opens the server; what its own callers send to an open one is its own.
func TestFunctionsSeeNoCredentials(t *testing.T) {
	a, store := open(t)
	key := create(t, store, "caller", auth.Invoke)
	h, s := guard(a)
	cookie := "a=1; " + cookieName + "=x; b=2"
	if w := do(h, "GET", "/fn/f/", http.Header{"Authorization": {"Bearer " + key}, "Cookie": {cookie}}); w.Code != 200 {
		t.Fatal(w.Code)
	}
	if s.header.Get("Authorization") != "" || s.header.Get("Cookie") != "a=1; b=2" {
		t.Errorf("%v", s.header)
	}
	if w := do(h, "GET", "/fn/f/", http.Header{"X-Api-Key": {key}}); w.Code != 200 || s.header.Get("X-Api-Key") != "" {
		t.Errorf("%d %v", w.Code, s.header)
	}
	if w := do(h, "GET", "/fn/open/", http.Header{"Authorization": {"Basic own"}, "Cookie": {cookie}}); w.Code != 200 || s.header.Get("Authorization") != "Basic own" || strings.Contains(s.header.Get("Cookie"), cookieName) {
		t.Errorf("%d %v", w.Code, s.header)
	}
}

func TestAPersonIsSentToTheLogin(t *testing.T) {
	a, store := open(t)
	create(t, store, "x", auth.Read)
	h, _ := guard(a)
	w := do(h, "GET", "/v1/jobs?limit=1", http.Header{"Accept": {"text/html,application/xhtml+xml,*/*;q=0.8"}})
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/login?to=%2Fv1%2Fjobs%3Flimit%3D1" {
		t.Errorf("%d %s", w.Code, w.Header().Get("Location"))
	}
	for to, want := range map[string]string{"/a?b=c": "/a?b=c", "//evil.example/": "/", "https://evil.example": "/", `/\evil.example`: "/", "": "/", "javascript:alert(1)": "/", "/\n/evil": "/"} {
		if got := here(to); got != want {
			t.Errorf("%q leads to %q", to, got)
		}
	}
}

// A client that asks too often is told what it may and when; others are served.
func TestRate(t *testing.T) {
	a, store := open(t)
	now := time.Unix(1e9, 0)
	a.Rate = Rate{PerMinute: 2, Rates: limits.NewRates(func() time.Time { return now })}
	alice, bob := create(t, store, "alice", auth.Manage), create(t, store, "bob", auth.Manage)
	second := create(t, store, "alice", auth.Manage) // another key of hers
	h, _ := guard(a)
	for i, c := range []struct {
		key    string
		status int
		rate   string
	}{{alice, 200, `"client";r=1;t=30`}, {second, 200, `"client";r=0;t=60`}, {alice, 429, `"client";r=0;t=60`}, {bob, 200, `"client";r=1;t=30`}} {
		w := do(h, "GET", "/x", http.Header{"X-Api-Key": {c.key}})
		if w.Code != c.status || w.Header().Get("RateLimit") != c.rate || w.Header().Get("RateLimit-Policy") != `"client";q=2;w=60` || (w.Header().Get("Retry-After") == "30") != (c.status == 429) {
			t.Errorf("request %d: %d %v", i, w.Code, w.Header())
		}
	}
	for range 10 { // wrong keys cost nobody anything, and are no way around
		if w := do(h, "GET", "/x", http.Header{"X-Api-Key": {"x"}}); w.Code != http.StatusUnauthorized {
			t.Error(w.Code)
		}
	}
	now = now.Add(30 * time.Second)
	if w := do(h, "GET", "/x", http.Header{"X-Api-Key": {alice}}); w.Code != 200 {
		t.Error(w.Code)
	}
}

func TestHouseholdsHaveOneRate(t *testing.T) {
	for from, want := range map[string]string{
		"192.0.2.1:7": "from 192.0.2.1", "[2001:db8::1]:7": "from 2001:db8::/64", "[2001:db8::ffff]:8": "from 2001:db8::/64", "[2001:db8:0:1::1]:8": "from 2001:db8:0:1::/64",
		"[fe80::1%eth0]:7": "from fe80::/64", "[fe80::2%eth1]:7": "from fe80::/64", "[::ffff:192.0.2.1]:7": "from ::ffff:192.0.2.1", "@": "from @",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = from
		if got := whose(r, nil); got != want {
			t.Errorf("%s: %s, want %s", from, got, want)
		}
	}
}

// TestAProxyOnTheSocketIsNotItsUser: whoever may use the socket needs no key, whom they pass on does.
func TestAProxyOnTheSocketIsNotItsUser(t *testing.T) {
	a, store := open(t)
	key := create(t, store, "caller", auth.Manage)
	h, s := guard(a)
	for name, c := range map[string]struct {
		header http.Header
		status int
	}{
		"its user":             {nil, 200},
		"passed on":            {http.Header{"X-Forwarded-For": {"203.0.113.9"}}, 401},
		"passed on by another": {http.Header{"Via": {"1.1 proxy"}}, 401},
		"by nginx's name":      {http.Header{"X-Real-Ip": {"203.0.113.9"}}, 401},
		"by the standard":      {http.Header{"Forwarded": {"for=203.0.113.9"}}, 401},
		"passed on with a key": {http.Header{"X-Forwarded-For": {"203.0.113.9"}, "X-Api-Key": {key}}, 200},
	} {
		*s = seen{}
		r := httptest.NewRequestWithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, net.Addr(&net.UnixAddr{Name: "x", Net: "unix"})), "DELETE", "/x", nil)
		maps.Copy(r.Header, c.header)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || (s.who != nil) != (c.status == 200) {
			t.Errorf("%s: %d %+v", name, w.Code, s.who)
		}
	}
}

func BenchmarkGuard(b *testing.B) {
	store, err := keys.Open(filepath.Join(b.TempDir(), "keys.json"))
	if err != nil {
		b.Fatal(err)
	}
	_, key, err := store.Create(keys.Wish{Name: "x", Scopes: auth.Invoke})
	if err != nil {
		b.Fatal(err)
	}
	h, _ := guard(New(Options{Keys: store}), gateway.Mount{Pattern: "POST /2015-03-31/functions/{fn}/invocations", Need: auth.One(auth.Invoke)})
	r := httptest.NewRequest("POST", "/2015-03-31/functions/echo/invocations", nil)
	r.Header.Set("Authorization", "Bearer "+key)
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}
