package daemon

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/internal/logtest"
	"github.com/videosdgx/videosdgx/internal/porttest"
	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/auth/keys"
	"github.com/videosdgx/videosdgx/runtime/auth/token/forge"
	"github.com/videosdgx/videosdgx/runtime/gateway"
)

// guarded is a whole control plane without functions that run, which asks who its callers are.
type guarded struct {
	t      *testing.T
	p      *plane
	url    string
	issuer forge.Issuer
	keys   map[string]string // by scope
	wrong  map[string]http.Header
	log    logtest.Log
}

const (
	testIssuer   = "https://issuer.example"
	testAudience = "videosdgx"
)

func newGuarded(t *testing.T, tune ...func(*Config)) *guarded {
	t.Helper()
	g := &guarded{t: t, issuer: forge.NewIssuer(), keys: map[string]string{}}
	c := Default()
	c.Data, c.Driver, c.Listen = t.TempDir(), "process", "127.0.0.1:0"
	c.Init = filepath.Join(c.Data, "init")
	c.JWKS, c.JWTIssuer, c.JWTAudience = filepath.Join(c.Data, "jwks.json"), testIssuer, testAudience
	c.AccessKey, c.SecretKey = "AKIAEXAMPLE", "secret"
	for _, f := range tune {
		f(&c)
	}
	for name, text := range map[string][]byte{c.Init: []byte("#!/bin/sh\n"), c.JWKS: g.issuer.JWKS()} {
		if _, err := os.Stat(name); err == nil || strings.Contains(name, "://") {
			continue // it is the test's own
		}
		if err := os.WriteFile(name, text, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	g.p = &plane{cfg: c.WithDefaults(), log: slog.New(slog.NewTextHandler(io.MultiWriter(t.Output(), &g.log), nil)), failed: make(chan error, 1)}
	stop, err := start(t.Context(), g.p.phases())
	t.Cleanup(func() {
		if err := stop(context.Background(), time.Second); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	g.url = "http://" + g.p.addr()
	g.credentials()
	return g
}

// credentials makes a key for each scope, and everything that is none.
func (g *guarded) credentials() {
	make := func(w keys.Wish) string {
		_, secret, err := g.p.apiKeys.Create(w)
		if err != nil {
			g.t.Fatal(err)
		}
		return secret
	}
	for _, name := range auth.Names {
		s, _ := auth.ParseScopes([]string{name})
		g.keys[name] = make(keys.Wish{Name: "user-" + name, Scopes: s})
	}
	revoked := make(keys.Wish{Name: "gone", Scopes: auth.Manage})
	if _, _, err := g.p.apiKeys.Revoke("gone"); err != nil {
		g.t.Fatal(err)
	}
	bearer := func(v string) http.Header { return http.Header{"Authorization": {v}} }
	now := time.Now()
	good := forge.Good(testIssuer, testAudience, "root", "manage", now)
	manage := g.keys["manage"]
	g.wrong = map[string]http.Header{
		"nothing": {}, "an empty bearer": bearer("Bearer "), "rubbish": bearer("Bearer rubbish"), "no scheme": bearer(manage), "basic": bearer("Basic " + manage),
		"a key that is cut": bearer("Bearer " + manage[:len(manage)-1]), "a longer key": bearer("Bearer " + manage + "x"), "revoked": bearer("Bearer " + revoked),
		"two": {"Authorization": {"Bearer " + manage, "Bearer " + manage}}, "two kinds": {"Authorization": {"Bearer " + manage}, "X-Api-Key": {manage}},
		"a wrong X-Api-Key": {"X-Api-Key": {"x"}}, "a cookie": {"Cookie": {"videosdgx_session=x"}}, "the key as a cookie": {"Cookie": {"videosdgx_session=" + manage}},
		"a wrong signature":  bearer("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=" + strings.Repeat("0", 64)),
		"who I am, in words": {"X-Forwarded-User": {"root"}, "X-Forwarded-For": {"127.0.0.1"}, "X-Client-Id": {"user-manage"}},
		"another issuer's":   bearer("Bearer " + forge.NewIssuer().Token("rsa", good)),
		"an expired token":   bearer("Bearer " + g.issuer.Token("rsa", good.With(forge.Claims{"exp": now.Add(-time.Hour).Unix()}))),
		"alg none":           bearer("Bearer " + forge.Attacks(g.issuer, good, now, time.Minute)[0].Token),
	}
}

var parameter = regexp.MustCompile(`\{[a-z]+\}`)

// endpoint makes a request's method and path of a pattern.
func endpoint(pattern string) (method, path string) {
	method, path, _ = strings.Cut(pattern, " ")
	path = strings.ReplaceAll(path, "{$}", "")
	path = strings.ReplaceAll(path, "{id}", "01900000-0000-7000-8000-000000000000")
	return method, parameter.ReplaceAllString(path, "nothing")
}

func (g *guarded) send(url, method, path string, h http.Header) (int, string) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url+path, http.NoBody)
	if err != nil {
		g.t.Fatal(err)
	}
	maps.Copy(req.Header, h)
	return g.answer(req)
}

func (g *guarded) answer(req *http.Request) (int, string) {
	g.t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.Header.Get("Content-Type") == "text/event-stream" {
		return resp.StatusCode, "" // it goes on
	}
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	return resp.StatusCode, string(b)
}

// needs are all patterns of a listener.
func needs(t *testing.T, routes []gateway.Routes) map[string]auth.Need {
	all := map[string]auth.Need{}
	for _, r := range routes {
		n, ok := r.(gateway.Guarded)
		if !ok {
			t.Errorf("%T does not say what its routes need: they are for who manages alone", r)
			continue
		}
		maps.Copy(all, n.Needs())
	}
	return all
}

// open are the routes that ask nobody; one more is a decision, not an accident.
var open = []string{"GET /api/v1/health", "GET /login", "POST /api/v1/session", "DELETE /api/v1/session", "GET /v1/models/{model}/health", "GET /health",
	"GET /{$}", "GET /ui/{build}/{file...}"} // the page: files of the program, which ask for a key themselves

// TestEveryRouteAsks walks every route of every listener with every credential that is none, and with a key of each scope.
func TestEveryRouteAsks(t *testing.T) {
	port := porttest.Free(t)
	g := newGuarded(t, func(c *Config) {
		folder := filepath.Join(c.Data, "functions", "clip")
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		manifest := `{"name":"clip","command":["/bin/true"],"model":{"name":"wan21","bundle":"none","port":` + port + `}}`
		if err := os.WriteFile(filepath.Join(folder, "function.yaml"), []byte(manifest), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	walked := 0
	for name, l := range map[string]struct {
		url    string
		routes []gateway.Routes
	}{
		"gateway":    {g.url, g.p.routes()},
		"model port": {"http://127.0.0.1:" + port, []gateway.Routes{g.p.rest.Model("wan21")}},
	} {
		all := needs(t, l.routes)
		for pattern, need := range all {
			if need.Public != slices.Contains(open, pattern) {
				t.Errorf("%s: %s is open: %v", name, pattern, need.Public)
			}
			if need.Public {
				continue
			}
			walked++
			g.walk(l.url, pattern, need)
		}
	}
	for _, pattern := range []string{"GET /fn/nothing/", "POST /fn/clip/x", "DELETE /nothing", "GET /api/v1/nothing", "POST /2015-03-31/nothing", "TRACE /v1/jobs", "GET /fn/"} {
		g.walk(g.url, pattern, auth.Need{})
	}
	if walked < 80 {
		t.Errorf("only %d routes were walked", walked)
	}
}

func (g *guarded) walk(url, pattern string, need auth.Need) {
	method, path := endpoint(pattern)
	for name, h := range g.wrong {
		if code, body := g.send(url, method, path, h); code != http.StatusUnauthorized && code != http.StatusForbidden {
			g.t.Errorf("%s with %s: %d %s", pattern, name, code, body)
		}
	}
	for scope, key := range g.keys {
		s, _ := auth.ParseScopes([]string{scope})
		if strings.Contains(path, "/fn/") || strings.HasSuffix(path, "/login") {
			continue
		}
		if scope == "manage" && method != http.MethodGet || need.Any == 0 {
			continue // it would do what it says
		}
		code, body := g.send(url, method, path, http.Header{"Authorization": {"Bearer " + key}})
		if forbidden := code == http.StatusForbidden; forbidden == need.Admits(&auth.Principal{Scopes: s}) || code == http.StatusUnauthorized {
			g.t.Errorf("%s, which needs %v, with scope %s: %d %s", pattern, need, scope, code, body)
		}
	}
}

// Who signs for AWS may do with functions what AWS's could, and the socket's user everything.
func TestSocketAndToken(t *testing.T) {
	g := newGuarded(t)
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", g.p.cfg.Socket)
	}}}
	get := func(h http.Header) (int, map[string]any) {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/api/v1/session", nil)
		maps.Copy(req.Header, h)
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var v map[string]any
		_ = json.NewDecoder(resp.Body).Decode(&v)
		return resp.StatusCode, v
	}
	if code, v := get(nil); code != 200 || v["kind"] != auth.BySocket {
		t.Errorf("%d %v", code, v)
	}
	if code, _ := get(http.Header{"Authorization": {"Bearer nonsense"}}); code != http.StatusUnauthorized {
		t.Errorf("a wrong key over the socket: %d", code)
	}
	token := g.issuer.Token("ec", forge.Good(testIssuer, testAudience, "bob", "read metrics", time.Now()))
	if code, v := get(http.Header{"Authorization": {"Bearer " + token}}); code != 200 || v["client"] != "token:bob" {
		t.Errorf("%d %v", code, v)
	}
	if code, body := g.send(g.url, "GET", "/metrics", http.Header{"Authorization": {"Bearer " + token}}); code != 200 || !strings.Contains(body, "go_") {
		t.Errorf("%d %.100s", code, body)
	}
}

// A browser shows its key once.
func TestLogin(t *testing.T) {
	g := newGuarded(t)
	code, _ := g.send(g.url, "GET", "/v1/jobs", http.Header{"Accept": {"text/html"}})
	if code != http.StatusSeeOther {
		t.Errorf("a browser without a login: %d", code)
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, g.url+"/api/v1/session", strings.NewReader("to=%2F&key="+g.keys["read"]))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	cookies := resp.Cookies()
	if resp.StatusCode != http.StatusSeeOther || len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode || strings.Contains(cookies[0].Value, g.keys["read"]) {
		t.Fatalf("%s %v", resp.Status, cookies)
	}
	in := http.Header{"Cookie": {"a=b; " + cookies[0].Name + "=" + cookies[0].Value}}
	if code, body := g.send(g.url, "GET", "/v1/jobs", in); code != 200 {
		t.Errorf("%d %s", code, body)
	}
	if code, _ := g.send(g.url, "DELETE", "/api/v1/functions/x", in); code != http.StatusForbidden {
		t.Errorf("a reader's session deletes: %d", code)
	}
	if _, _, err := g.p.apiKeys.Revoke("user-read"); err != nil {
		t.Fatal(err)
	}
	if code, _ := g.send(g.url, "GET", "/v1/jobs", in); code != http.StatusUnauthorized {
		t.Errorf("a session outlives its key: %d", code)
	}
}

func TestOpenAddressesAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		tune    func(*Config)
		refused bool
	}{
		"loopback":               {func(*Config) {}, false},
		"all addresses":          {func(c *Config) { c.Listen = "0.0.0.0:0" }, true},
		"no host":                {func(c *Config) { c.Listen = ":0" }, true},
		"a name":                 {func(c *Config) { c.Listen = "example.com:0" }, true},
		"models elsewhere":       {func(c *Config) { c.ModelHost = "0.0.0.0" }, true},
		"insecure":               {func(c *Config) { c.Listen, c.Insecure = "0.0.0.0:0", true }, false},
		"localhost":              {func(c *Config) { c.Listen, c.ModelHost = "localhost:0", "none" }, false},
		"an access key":          {func(c *Config) { c.Listen, c.AccessKey, c.SecretKey = ":0", "a", "b" }, false},
		"an issuer without file": {func(c *Config) { c.JWKS, c.JWTIssuer, c.JWTAudience = "/nowhere", "a", "b" }, true},
	} {
		cfg := Default()
		cfg.Data = t.TempDir()
		c.tune(&cfg)
		p := &plane{cfg: cfg.WithDefaults(), log: slog.New(slog.DiscardHandler)}
		if err := p.openAccess(t.Context()); (err != nil) != c.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}
