package rest

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
)

// TestCORS: a page of a configured origin uses the jobs' API and nothing else; other pages use nothing.
func TestCORS(t *testing.T) {
	c, err := NewCORS("https://App.example/, http://localhost:5173", "/v1/")
	if err != nil {
		t.Fatal(err)
	}
	control := gateway.Mount{Pattern: "POST /api/v1/x", Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	api := New(Options{Models: jobstest.Models{"m": jobs.Model{Name: "m"}}})
	srv := httptest.NewServer(gateway.New(gateway.Options{Routes: []gateway.Routes{api, control}, Wrap: []func(http.Handler) http.Handler{c.Wrap}}).Handler())
	defer srv.Close()
	send := func(method, path, origin string, header ...string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", origin)
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	const allow = "Access-Control-Allow-Origin"
	if r := send("OPTIONS", "/v1/models/m/generate", "https://app.example", "Access-Control-Request-Method", "POST"); r.StatusCode != 204 || r.Header.Get(allow) != "https://app.example" || r.Header.Get("Access-Control-Allow-Headers") == "" {
		t.Errorf("preflight: %s %v", r.Status, r.Header)
	}
	if r := send("POST", "/v1/models/m/generate", "https://app.example", "Content-Type", "application/json"); r.StatusCode != 400 || r.Header.Get(allow) == "" || r.Header.Get("Vary") != "Origin" {
		t.Errorf("an empty request of a known page: %s %v", r.Status, r.Header)
	}
	if r := send("GET", "/v1/models", "http://localhost:5173"); r.StatusCode != 200 || r.Header.Get(allow) != "http://localhost:5173" {
		t.Errorf("%s %v", r.Status, r.Header)
	}
	for _, origin := range []string{"https://evil.example", "null", "https://app.example.evil", "http://app.example"} {
		if r := send("POST", "/v1/models/m/generate", origin); r.StatusCode != 403 || r.Header.Get(allow) != "" {
			t.Errorf("%s: %s %v", origin, r.Status, r.Header)
		}
	}
	if r := send("POST", "/api/v1/x", "https://app.example"); r.StatusCode != 403 || r.Header.Get(allow) != "" {
		t.Errorf("the control API: %s %v", r.Status, r.Header)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	for _, bad := range []string{"app.example", "https://a/b", "https://", "https://*.example/x"} {
		if _, err := NewCORS(bad, "/"); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
