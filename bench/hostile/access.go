package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/runtime/auth/token/forge"
)

// asker is a server of its own that asks who its callers are: by keys and by tokens of an issuer.
type asker struct {
	once   sync.Once
	err    error
	server *harness.Server
	issuer forge.Issuer
	key    string // may do everything
	reader string // may read own jobs
	gone   string // revoked
}

var asking asker

const (
	tokenIssuer   = "https://issuer.example"
	tokenAudience = "videosdgx"
)

// goodClaims are what the asker takes, for looking around.
func goodClaims() forge.Claims {
	return forge.Good(tokenIssuer, tokenAudience, "alice", "read-all", time.Now())
}

// begin starts it with the first attack that needs it; it ends with the scene.
func (a *asker) begin(ctx context.Context, s *scene) error {
	a.once.Do(func() { a.err = a.start(context.WithoutCancel(ctx), s) })
	return a.err
}

func (a *asker) start(ctx context.Context, s *scene) (err error) {
	a.issuer = forge.NewIssuer()
	jwks, file := filepath.Join(s.dir, "jwks.json"), filepath.Join(s.dir, "keys.json")
	if err := os.WriteFile(jwks, a.issuer.JWKS(), 0o600); err != nil {
		return err
	}
	keys := func(args ...string) string {
		b, kerr := exec.CommandContext(ctx, s.Bin, append(append([]string{"keys"}, args...), "--file", file)...).Output()
		err = errors.Join(err, kerr)
		return strings.TrimSpace(string(b))
	}
	a.key, a.reader, a.gone = keys("create", "root", "--scopes", "manage"), keys("create", "reader", "--scopes", "read"), keys("create", "gone", "--scopes", "manage")
	keys("revoke", "gone")
	if err != nil {
		return err
	}
	a.server, err = harness.Start(ctx, harness.Options{Binary: s.Bin, Driver: "process", Args: []string{
		"--model-host", "none", "--keys", file, "--jwks", jwks, "--jwt-issuer", tokenIssuer, "--jwt-audience", tokenAudience, "--access-key", "AKIAEXAMPLE", "--secret-key", "secret"}})
	return err
}

// end is for the scene's.
func (a *asker) end() error {
	if a.server == nil {
		return nil
	}
	return a.server.Stop()
}

// wrong are credentials that are none.
func (a *asker) wrong() map[string]http.Header {
	bearer := func(v string) http.Header { return http.Header{"Authorization": {v}} }
	all := map[string]http.Header{
		"nothing": {}, "rubbish": bearer("Bearer rubbish"), "no scheme": bearer(a.key), "Basic": bearer("Basic " + a.key), "Digest": bearer(`Digest username="root"`),
		"a key that is cut": bearer("Bearer " + a.key[:len(a.key)-1]), "a key that goes on": bearer("Bearer " + a.key + "0"), "a revoked key": bearer("Bearer " + a.gone),
		"two headers": {"Authorization": {"Bearer " + a.key, "Bearer " + a.key}}, "the key twice": {"Authorization": {"Bearer " + a.key}, "X-Api-Key": {a.key}},
		"a wrong X-Api-Key": {"X-Api-Key": {"root"}}, "a cookie": {"Cookie": {"videosdgx_session=" + a.key}}, "the key in Proxy-Authorization": {"Proxy-Authorization": {"Bearer " + a.key}},
		"words":                   {"X-Forwarded-User": {"root"}, "X-Forwarded-For": {"127.0.0.1"}, "X-Real-Ip": {"127.0.0.1"}, "X-Client-Id": {"root"}, "Forwarded": {"for=127.0.0.1"}, "X-Original-Url": {"/api/v1/health"}, "X-Http-Method-Override": {"GET"}},
		"AWS with a wrong secret": bearer("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=" + strings.Repeat("0", 64)),
		"another issuer's token":  bearer("Bearer " + forge.NewIssuer().Token("rsa", goodClaims())),
	}
	return all
}

// controlRoutes are those that no OpenAPI document has.
var controlRoutes = []string{
	"GET /metrics", "GET /openapi.json", "GET /api/v1/functions", "PUT /api/v1/functions/x", "GET /api/v1/functions/x", "DELETE /api/v1/functions/x", "GET /api/v1/functions/x/logs",
	"GET /api/v1/instances", "DELETE /api/v1/instances/x", "GET /api/v1/version", "GET /api/v1/session", "GET /api/v1/keys", "POST /api/v1/keys", "DELETE /api/v1/keys/x",
	"GET /api/v1/snapshots", "POST /api/v1/snapshots/gc", "GET /api/v1/snapshots/x", "DELETE /api/v1/snapshots/x", "POST /api/v1/snapshots/x/verify", "POST /api/v1/functions/x/snapshots",
	"POST /2015-03-31/functions/x/invocations", "POST /2014-11-13/functions/x/invoke-async", "POST /2021-11-15/functions/x/response-streaming-invocations", "GET /2015-03-31/functions",
	"POST /2015-03-31/functions", "GET /2015-03-31/functions/x", "DELETE /2015-03-31/functions/x", "GET /2015-03-31/functions/x/configuration", "PUT /2015-03-31/functions/x/configuration",
	"PUT /2015-03-31/functions/x/code", "GET /2015-03-31/functions/x/versions", "POST /2015-03-31/functions/x/versions", "GET /2015-03-31/functions/x/aliases", "POST /2015-03-31/functions/x/aliases",
	"PUT /2015-03-31/functions/x/aliases/y", "DELETE /2015-03-31/functions/x/aliases/y", "PUT /2017-10-31/functions/x/concurrency", "GET /2019-09-30/functions/x/concurrency",
	"PUT /2019-09-30/functions/x/provisioned-concurrency", "PUT /2019-09-25/functions/x/event-invoke-config", "POST /2021-10-31/functions/x/url", "GET /2021-10-31/functions/x/urls",
	"GET /2017-03-31/tags/x", "GET /2016-08-19/account-settings", "POST /fn/x/", "GET /fn/x/a", "GET /fn/x:1/", "OPTIONS /fn/x/", "GET /nothing", "POST //v1/jobs", "GET /v1/jobs/", "GET /%2e/v1/jobs", "GET /v1/../metrics",
}

// operations are those of the server's OpenAPI document, with something in their parameters.
func operations(ctx context.Context, url, key string) ([]string, map[string]any, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/openapi.json", nil)
	if err != nil {
		return nil, nil, err
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	var doc struct{ Paths map[string]map[string]any }
	if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil {
		return nil, nil, err
	}
	var all []string
	docs := map[string]any{}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			name := strings.ToUpper(method) + " " + path
			all, docs[name] = append(all, name), op
		}
	}
	if len(all) < 20 {
		return nil, nil, fmt.Errorf("the OpenAPI document has only %d operations", len(all))
	}
	return all, docs, nil
}

var inBraces = regexp.MustCompile(`\{[a-z]+\}`)

func init() {
	add("access", "every route with every wrong credential", func(ctx context.Context, s *scene) error {
		if err := asking.begin(ctx, s); err != nil {
			return err
		}
		return asking.everyRoute(ctx, s)
	})
	add("access", "a reader's key where more is needed", func(ctx context.Context, s *scene) error {
		if err := asking.begin(ctx, s); err != nil {
			return err
		}
		for _, route := range []string{"PUT /api/v1/functions/x", "POST /v1/models/x/generate", "GET /metrics", "POST /2015-03-31/functions/x/invocations", "POST /fn/x/", "POST /api/v1/keys", "DELETE /v1/jobs/01900000-0000-7000-8000-000000000000", "GET /api/v1/functions", "GET /nothing"} {
			if err := asking.closed(ctx, route, http.Header{"Authorization": {"Bearer " + asking.reader}}); err != nil {
				return err
			}
		}
		return nil
	})
	for i, a := range forge.Attacks(forge.NewIssuer(), forge.Good(tokenIssuer, tokenAudience, "root", "manage", time.Now()), time.Now(), 30*time.Second) {
		add("tokens", a.Name, func(ctx context.Context, s *scene) error {
			if err := asking.begin(ctx, s); err != nil {
				return err
			}
			all := forge.Attacks(asking.issuer, goodClaims(), time.Now(), 30*time.Second) // those above are against other keys
			return asking.closed(ctx, "GET /api/v1/functions", http.Header{"Authorization": {"Bearer " + all[i].Token}})
		})
	}
	add("tokens", "and a good one is taken", func(ctx context.Context, s *scene) error {
		if err := asking.begin(ctx, s); err != nil {
			return err
		}
		code, err := asking.ask(ctx, "GET /api/v1/functions", http.Header{"Authorization": {"Bearer " + asking.issuer.Token("ec", goodClaims())}})
		if err == nil && code != http.StatusOK {
			err = fmt.Errorf("answered with %d: the attacks were refused for another reason", code)
		}
		return err
	})
}

// everyRoute asks with every wrong credential, and counts those that were let in.
func (a *asker) everyRoute(ctx context.Context, s *scene) error {
	routes, _, err := operations(ctx, a.server.URL, a.key)
	if err != nil {
		return err
	}
	asked, allowed := 0, []error{}
	for _, route := range append(routes, controlRoutes...) {
		if strings.HasSuffix(route, "/health") {
			continue // for probes: open to everybody
		}
		for name, h := range a.wrong() {
			asked++
			if err := a.closed(ctx, route, h); err != nil {
				allowed = append(allowed, fmt.Errorf("%s: %w", name, err))
			}
		}
	}
	s.report.Figure("access_asked", float64(asked))
	s.report.Figure("access_wrongly_allowed", float64(len(allowed)))
	s.report.Want("access_wrongly_allowed", "= 0")
	return errors.Join(allowed...)
}

// closed wants a request to be refused for who sends it.
func (a *asker) closed(ctx context.Context, route string, h http.Header) error {
	code, err := a.ask(ctx, route, h)
	if err == nil && code != http.StatusUnauthorized && code != http.StatusForbidden {
		err = fmt.Errorf("%s was answered with %d", route, code)
	}
	return err
}

func (a *asker) ask(ctx context.Context, route string, h http.Header) (int, error) {
	method, path, _ := strings.Cut(route, " ")
	path = strings.ReplaceAll(path, "{id}", "01900000-0000-7000-8000-000000000000")
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, a.server.URL+inBraces.ReplaceAllString(path, "x"), http.NoBody)
	if err != nil {
		return 0, err
	}
	for k, v := range h {
		req.Header[k] = v
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	drain(resp.Body)
	return resp.StatusCode, nil
}
