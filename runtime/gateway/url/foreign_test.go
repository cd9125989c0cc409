package url_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestAFunctionsPageIsConfined: under the server's own host what a function sends gets an origin of its own; by the
// function's own host it is as the function made it.
func TestAFunctionsPageIsConfined(t *testing.T) {
	answers := map[string]*spec.Result{}
	addr := serve(t, spec.Function{URL: spec.URL{InvokeMode: "RESPONSE_STREAM"}}, func(_ context.Context, inv spec.Invocation) (*spec.Result, error) {
		for path, res := range answers {
			if strings.Contains(string(inv.Payload), `"rawPath":"`+path+`"`) {
				return res, nil
			}
		}
		return gatewaytest.Answer([]byte("{}")), nil
	})
	const head = `{"statusCode":200,"headers":{"Content-Type":"text/html","Content-Security-Policy":"img-src *","X-Content-Type-Options":"x","Cross-Origin-Resource-Policy":"cross-origin","Service-Worker-Allowed":"/","Clear-Site-Data":"\"*\""}`
	for _, host := range []string{"", "echo.fn.localhost:9000"} {
		answers["/whole"] = gatewaytest.Answer([]byte(head + `,"body":"<script>"}`))
		answers["/streamed"] = gatewaytest.Stream("application/vnd.awslambda.http-integration-response", strings.NewReader(head+"}"+strings.Repeat("\x00", 8)+"<script>"), spec.Trailer{})
		answers["/failed"] = gatewaytest.Fail("Unhandled", "E", []byte(`"<script>"`))
		for _, path := range []string{"/whole", "/streamed", "/failed"} {
			at := addr + "/fn/echo" + path
			if host != "" {
				at = addr + path
			}
			r := request(t, "GET", at, "")
			if host != "" {
				r.Host = host
			}
			resp, _ := do(t, r)
			h := resp.Header
			confined := slices.Contains(h.Values("Content-Security-Policy"), "sandbox") && h.Get("X-Content-Type-Options") == "nosniff" &&
				h.Get("Cross-Origin-Resource-Policy") == "same-origin" && h.Get("Service-Worker-Allowed") == "" && h.Get("Clear-Site-Data") == ""
			if confined != (host == "") {
				t.Errorf("%s%s: %v", host, path, h)
			}
			if path != "/failed" && !slices.Contains(h.Values("Content-Security-Policy"), "img-src *") {
				t.Errorf("%s: the function's own policy is lost: %v", path, h)
			}
		}
	}
}

// TestForeignPagesDoNotInvoke: what a page of another origin sends blindly never reaches a function that does not name it.
func TestForeignPagesDoNotInvoke(t *testing.T) {
	calls := 0
	invoke := func(context.Context, spec.Invocation) (*spec.Result, error) {
		calls++
		return gatewaytest.Answer([]byte("{}")), nil
	}
	closed := serve(t, spec.Function{}, invoke)
	open := serve(t, spec.Function{URL: spec.URL{CORS: &spec.CORS{AllowOrigins: []string{"https://studio.example"}}}}, invoke)
	all := serve(t, spec.Function{URL: spec.URL{CORS: &spec.CORS{AllowOrigins: []string{"*"}}}}, invoke)
	const evil, null, site = "http://evil.example", "null", "Sec-Fetch-Site"
	for _, c := range []struct {
		addr, method, path string
		header             []string
		want               int
	}{
		{closed, "POST", "/fn/echo/", nil, 200},
		{closed, "POST", "/fn/echo/", []string{"Origin", closed}, 200},
		{closed, "POST", "/fn/echo/", []string{site, "same-origin", "Origin", closed}, 200},
		{closed, "GET", "/fn/echo/", []string{site, "none", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200},
		{closed, "GET", "/fn/echo/", []string{site, "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200}, // a link

		{closed, "POST", "/fn/echo/", []string{"Origin", evil}, 403},
		{closed, "POST", "/fn/echo/", []string{"Origin", null}, 403}, // a sandboxed page
		{closed, "POST", "/fn/echo/", []string{site, "cross-site", "Sec-Fetch-Mode", "no-cors"}, 403},
		{closed, "POST", "/fn/echo/", []string{site, "same-site", "Origin", "http://other.fn.localhost:9000"}, 403},
		{closed, "POST", "/fn/echo/", []string{site, "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 403}, // a form
		{closed, "GET", "/fn/echo/", []string{site, "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}, 403},
		{closed, "GET", "/fn/echo/", []string{site, "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 403},
		{closed, "OPTIONS", "/fn/echo/", []string{"Origin", evil, "Access-Control-Request-Method", "POST"}, 403},

		{open, "POST", "/fn/echo/", []string{"Origin", "https://studio.example", site, "cross-site"}, 200},
		{open, "POST", "/fn/echo/", []string{"Origin", evil, site, "cross-site"}, 403},
		{open, "GET", "/fn/echo/", []string{site, "cross-site", "Sec-Fetch-Mode", "no-cors"}, 403},
		{all, "POST", "/fn/echo/", []string{"Origin", evil, site, "cross-site"}, 200},
		{all, "GET", "/fn/echo/", []string{site, "cross-site", "Sec-Fetch-Mode", "no-cors"}, 200},
	} {
		before := calls
		resp, body := do(t, request(t, c.method, c.addr+c.path, "", c.header...))
		if resp.StatusCode != c.want || (calls > before) != (c.want == http.StatusOK) {
			t.Errorf("%+v: %d %s, %d calls", c, resp.StatusCode, body, calls-before)
		}
	}
}
