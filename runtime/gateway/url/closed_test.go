package url_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestAClosedURLReachesNoFunction by its path, its host name or a preflight.
func TestAClosedURLReachesNoFunction(t *testing.T) {
	called := false
	addr := serve(t, spec.Function{URL: spec.URL{Closed: true, CORS: &spec.CORS{AllowOrigins: []string{"*"}}}}, func(context.Context, spec.Invocation) (*spec.Result, error) {
		called = true
		return nil, errors.New("called")
	})
	for _, method := range []string{"GET", "POST", "OPTIONS"} {
		for _, host := range []string{"", "echo.fn.localhost"} {
			path := "/fn/echo/a"
			if host != "" {
				path = "/a"
			}
			r := request(t, method, addr+path, "", "Origin", "http://echo.fn.localhost", "Access-Control-Request-Method", "POST")
			r.Host = host
			resp, body := do(t, r)
			if resp.StatusCode != 404 || resp.Header.Get("X-Amzn-Errortype") != "ResourceNotFoundException" || !strings.Contains(body, "has no URL") {
				t.Errorf("%s %s: %d %s", method, host, resp.StatusCode, body)
			}
		}
	}
	if called {
		t.Error("the function was called")
	}
}
