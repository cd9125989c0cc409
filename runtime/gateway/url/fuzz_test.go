package url

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/http/httpguts"

	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/runtime/spec/urlevent"
)

func FuzzRoute(f *testing.F) {
	for _, s := range []string{"/fn/echo/a", "/fn/echo", "/fn/", "/fn//x", "/fn/echo:1/../x", "/fn/%65cho/%2F", "/other", "/fn/:x/"} {
		f.Add("localhost:9000", s)
		f.Add("echo.fn.localhost:9000", s)
	}
	f.Add(".fn.", "/")
	f.Fuzz(func(t *testing.T, host, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		got, ok := route(host, u)
		if ok && (got.name == "" || !strings.HasPrefix(got.path, "/")) && strings.HasPrefix(u.EscapedPath(), "/") {
			t.Fatalf("%q %q gave %+v", host, path, got)
		}
	})
}

// Whatever a function answers, what goes out is HTTP.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{`{"statusCode":200,"body":"x","headers":{"a":"b"}}`, `{"statusCode":200,"cookies":["a\n"]}`, `{"statusCode":1e9}`, `{"statusCode":200,"multiValueHeaders":{"":[""]}}`, `"x"`, ``, `{"statusCode":200,"headers":{"x":{"y":[1]}}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, rec := New(Options{Functions: &gatewaytest.Catalog{}}), httptest.NewRecorder()
		c := call{Handler: h, w: rec, r: httptest.NewRequest("GET", "/", nil), cancel: func() {}}
		if c.answer(gatewaytest.Answer(b)) != nil {
			return
		}
		if rec.Code < 200 || rec.Code > 599 {
			t.Fatalf("status %d", rec.Code)
		}
		for k, vs := range rec.Header() {
			for _, v := range vs {
				if !httpguts.ValidHeaderFieldName(k) || !httpguts.ValidHeaderFieldValue(v) {
					t.Fatalf("header %q: %q", k, v)
				}
			}
		}
	})
}

// Whatever a client sends, what the function gets is JSON.
func FuzzEvent(f *testing.F) {
	f.Add("POST", "/a%2Fb", "x=1&x=2", "text/plain", "a=b; c", []byte("hi"))
	f.Add("GET", "/", "%zz", "image/png", ";;", []byte("\xff\x00"))
	f.Fuzz(func(t *testing.T, method, path, query, content, cookie string, body []byte) {
		h := New(Options{Invoker: gatewaytest.Echo})
		r := &http.Request{Method: method, Proto: "HTTP/1.1", Host: "h", URL: &url.URL{Path: path, RawQuery: query}, Header: http.Header{"Content-Type": {content}, "Cookie": {cookie}}}
		b := h.event(r, target{name: "f", path: path}, "id", "", body)
		var e urlevent.Request
		if err := json.Unmarshal(b, &e); err != nil {
			t.Fatalf("%v: %s", err, b)
		}
	})
}

func BenchmarkEvent(b *testing.B) {
	h := New(Options{})
	r := httptest.NewRequest("POST", "/fn/echo/", strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	b.ReportAllocs()
	for b.Loop() {
		h.event(r, target{name: "echo", path: "/"}, "id", "", []byte("{}"))
	}
}

func BenchmarkURL(b *testing.B) {
	c := &gatewaytest.Catalog{}
	if _, err := c.Put(b.Context(), spec.Function{Name: "echo", Image: "x"}); err != nil {
		b.Fatal(err)
	}
	h := New(Options{Invoker: gatewaytest.Echo, Functions: c}).Wrap(http.NotFoundHandler())
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("POST", "/fn/echo/", strings.NewReader("{}"))
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}
