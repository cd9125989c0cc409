package url_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestQueryStringsLoseNothing(t *testing.T) {
	var got struct {
		RawQueryString        string
		QueryStringParameters map[string]string
	}
	addr := serve(t, spec.Function{}, func(_ context.Context, inv spec.Invocation) (*spec.Result, error) {
		got.QueryStringParameters = nil
		return gatewaytest.Answer([]byte("{}")), json.Unmarshal(inv.Payload, &got)
	})
	for raw, want := range map[string]map[string]string{
		"a=1;2&b=3":         {"a": "1;2", "b": "3"},
		"id=evil%&id=good":  {"id": "evil%,good"},
		"a=%zz&a=%41&b":     {"a": "%zz,A", "b": ""},
		"&&x=1+2&%20=y&x=3": {"x": "1 2,3", " ": "y"},
		"a==b=&;=;":         {"a": "=b=", ";": ";"},
	} {
		do(t, request(t, "GET", addr+"/fn/echo/?"+raw, ""))
		if d := cmp.Diff(want, got.QueryStringParameters); d != "" || got.RawQueryString != raw {
			t.Errorf("%s: %s", raw, d)
		}
	}
}

// TestEventsThatGrowAreRefused before any instance: what counts is the event, not the body.
func TestEventsThatGrowAreRefused(t *testing.T) {
	calls := 0
	addr := serve(t, spec.Function{Limits: spec.Limits{Payload: 1 << 20}}, func(_ context.Context, inv spec.Invocation) (*spec.Result, error) {
		calls++
		if len(inv.Payload) > 1<<20 {
			t.Errorf("an event of %d bytes", len(inv.Payload))
		}
		return gatewaytest.Answer([]byte("{}")), nil
	})
	for _, c := range []struct {
		kind, unit string
		n, want    int
	}{
		{"text/plain", "\x00", 200 << 10, 413}, {"application/octet-stream", "\xff", 800 << 10, 413}, {"text/plain", `"`, 600 << 10, 413}, {"text/plain", "\\", 600 << 10, 413},
		{"text/plain", "a", 1<<20 - 100, 413}, {"text/plain", "a", 1000 << 10, 200}, {"text/html", "<", 1000 << 10, 200}, {"image/png", "\xff", 700 << 10, 200}, {"text/plain", "&", 900 << 10, 200},
	} {
		before := calls
		resp, body := do(t, request(t, "POST", addr+"/fn/echo/", strings.Repeat(c.unit, c.n), "Content-Type", c.kind))
		if resp.StatusCode != c.want || (calls > before) != (c.want == 200) {
			t.Errorf("%s %q×%d: %d %s", c.kind, c.unit, c.n, resp.StatusCode, body)
		}
	}
}

// TestAListedEventStreamIsNoWish: a client that takes JSON as well gets the function's answer as it is.
func TestAListedEventStreamIsNoWish(t *testing.T) {
	addr := serve(t, spec.Function{}, func(context.Context, spec.Invocation) (*spec.Result, error) {
		return gatewaytest.Answer([]byte(`{"statusCode":404,"body":"nope","headers":{"content-type":"text/plain"}}`)), nil
	})
	for accept, want := range map[string]string{"application/json, text/event-stream": "text/plain", "text/event-stream, */*;q=0.1": "text/plain", "text/event-stream": "text/event-stream"} {
		resp, _ := do(t, request(t, "POST", addr+"/fn/echo/", "{}", "Accept", accept))
		if resp.Header.Get("Content-Type") != want || want == "text/plain" && resp.StatusCode != 404 {
			t.Errorf("%s: %s %v", accept, resp.Status, resp.Header)
		}
	}
}

// TestTwoSpellingsKeepTheirOrder, every time.
func TestTwoSpellingsKeepTheirOrder(t *testing.T) {
	addr := serve(t, spec.Function{}, func(context.Context, spec.Invocation) (*spec.Result, error) {
		return gatewaytest.Answer([]byte(`{"statusCode":200,"headers":{"x-b":"1","X-B":"2","X-b":"3"},"multiValueHeaders":{"set-Cookie":["a=1"],"Set-cookie":["b=2"]}}`)), nil
	})
	for range 20 {
		resp, _ := do(t, request(t, "GET", addr+"/fn/echo/", ""))
		if d := cmp.Diff(http.Header{"X-B": {"1", "2", "3"}, "Set-Cookie": {"a=1", "b=2"}}, http.Header{"X-B": resp.Header["X-B"], "Set-Cookie": resp.Header["Set-Cookie"]}); d != "" {
			t.Fatal(d)
		}
	}
}
