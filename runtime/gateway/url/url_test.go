package url_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/gateway/url"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts function URLs for one function named echo, for readers who may be slow.
func serve(t *testing.T, fn spec.Function, invoke gatewaytest.Invoker) string {
	t.Helper()
	return serveReaders(t, time.Minute, fn, invoke)
}

// serveReaders is serve for readers who are left after so long without reading.
func serveReaders(t *testing.T, stall time.Duration, fn spec.Function, invoke gatewaytest.Invoker) string {
	t.Helper()
	fn.Name, fn.Image = "echo", "localhost/echo:1"
	c := &gatewaytest.Catalog{}
	if _, err := c.Put(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
	h := url.New(url.Options{Invoker: invoke, Functions: c, KeepAlive: 5 * time.Millisecond, Stall: stall})
	srv := httptest.NewServer(gateway.New(gateway.Options{Wrap: []func(http.Handler) http.Handler{h.Wrap}}).Handler())
	t.Cleanup(func() { srv.Close(); http.DefaultClient.CloseIdleConnections() })
	return srv.URL
}

func do(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func request(t *testing.T, method, url, body string, header ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

// golden is what a function sees of the request below; times and ids are cut out before comparing.
const golden = `{
 "version": "2.0", "routeKey": "$default", "rawPath": "/a%2Fb//c", "rawQueryString": "x=1&x=2&y=%20z",
 "cookies": ["k=v", "l=w"],
 "headers": {"accept-encoding": "gzip", "content-length": "2", "content-type": "text/plain", "host": "HOST", "user-agent": "t", "x-many": "1,2",
  "x-amzn-trace-id": "Root=1-2-3", "x-forwarded-for": "10.0.0.1, 127.0.0.1", "x-forwarded-port": "PORT", "x-forwarded-proto": "http"},
 "queryStringParameters": {"x": "1,2", "y": " z"},
 "requestContext": {"accountId": "000000000000", "apiId": "echo", "domainName": "HOST", "domainPrefix": "echo",
  "http": {"method": "POST", "path": "/a%2Fb//c", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "t"},
  "requestId": "ID", "routeKey": "$default", "stage": "$default", "time": "TIME", "timeEpoch": 0},
 "body": "hi", "isBase64Encoded": false}`

func TestEventIsPayloadFormat2(t *testing.T) {
	var got map[string]any
	var id string
	addr := serve(t, spec.Function{}, func(_ context.Context, inv spec.Invocation) (*spec.Result, error) {
		got = nil
		id = inv.ID
		return gatewaytest.Answer([]byte("{}")), json.Unmarshal(inv.Payload, &got)
	})
	send := func(url, host string) {
		r := request(t, "POST", url, "hi", "Content-Type", "text/plain", "Cookie", "k=v; l=w", "X-Many", "1", "X-Many", "2", "User-Agent", "t",
			"X-Forwarded-For", "10.0.0.1", "X-Amzn-Trace-Id", "Root=1-2-3")
		if host != "" {
			r.Host = host
		}
		do(t, r)
		rc := got["requestContext"].(map[string]any)
		if rc["requestId"] != id || rc["timeEpoch"].(float64) < 1e12 {
			t.Errorf("request id %v, epoch %v", rc["requestId"], rc["timeEpoch"])
		}
		if _, err := time.Parse("02/Jan/2006:15:04:05 -0700", rc["time"].(string)); err != nil {
			t.Error(err)
		}
		rc["requestId"], rc["time"], rc["timeEpoch"] = "ID", "TIME", 0.0
		var want map[string]any
		if err := json.Unmarshal([]byte(strings.NewReplacer("HOST", r.Host, "PORT", r.Host[strings.IndexByte(r.Host, ':')+1:]).Replace(golden)), &want); err != nil {
			t.Fatal(err)
		}
		if r.Host == "" {
			t.Fatal("no host")
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
	host := strings.TrimPrefix(addr, "http://")
	send(addr+"/fn/echo/a%2Fb//c?x=1&x=2&y=%20z", host)
	send(addr+"/a%2Fb//c?x=1&x=2&y=%20z", "echo.fn.localhost:9000")
}

func TestBinaryBodiesTravelAsBase64(t *testing.T) {
	var got struct {
		Body            string
		IsBase64Encoded bool
	}
	addr := serve(t, spec.Function{}, func(_ context.Context, inv spec.Invocation) (*spec.Result, error) {
		return gatewaytest.Answer([]byte(`{"statusCode":201,"body":"/wAB","isBase64Encoded":true,"headers":{"content-type":"video/mp4"}}`)), json.Unmarshal(inv.Payload, &got)
	})
	for _, c := range []struct{ content, body, want string }{
		{"image/png", "\xff\x00\x01", "/wAB"}, {"text/plain", "\xff\x00\x01", "/wAB"}, {"application/x-www-form-urlencoded", "abc", "YWJj"},
	} {
		resp, body := do(t, request(t, "PUT", addr+"/fn/echo", c.body, "Content-Type", c.content))
		if !got.IsBase64Encoded || got.Body != c.want {
			t.Errorf("%s: %+v", c.content, got)
		}
		if resp.StatusCode != 201 || body != "\xff\x00\x01" || resp.Header.Get("Content-Type") != "video/mp4" {
			t.Errorf("%d %q %v", resp.StatusCode, body, resp.Header)
		}
	}
	for _, content := range []string{"", "text/plain; charset=utf-8", "application/json", "application/vnd.api+json"} {
		r := request(t, "PUT", addr+"/fn/echo", "abc")
		if content != "" {
			r.Header.Set("Content-Type", content)
		}
		do(t, r)
		if got.IsBase64Encoded || got.Body != "abc" {
			t.Errorf("%q: %+v", content, got)
		}
	}
}

func TestAnswersAreInterpretedAsLambdaDoes(t *testing.T) {
	var answer string
	addr := serve(t, spec.Function{}, func(context.Context, spec.Invocation) (*spec.Result, error) {
		return gatewaytest.Answer([]byte(answer)), nil
	})
	for _, c := range []struct {
		answer, body, content string
		status                int
	}{
		{`"Hello, world!"`, `"Hello, world!"`, "application/json", 200},
		{`{"message":"Hello"}`, `{"message":"Hello"}`, "application/json", 200},
		{`{"statusCode":404,"body":"gone","headers":{"Content-Type":"text/plain"}}`, "gone", "text/plain", 404},
		{`{"statusCode":200,"body":{"a":1}}`, `{"a":1}`, "application/json", 200},
		{`{"statusCode":204}`, "", "application/json", 204},
		{`[1,2]`, `[1,2]`, "application/json", 200},
		{`{"statusCode":"x"}`, `{"statusCode":"x"}`, "application/json", 200},
		{`{"statusCode":"404","body":"gone","headers":{"Content-Type":"text/plain"}}`, "gone", "text/plain", 404},
		{`{"statusCode":null,"a":1}`, `{"statusCode":null,"a":1}`, "application/json", 200},
	} {
		answer = c.answer
		resp, body := do(t, request(t, "GET", addr+"/fn/echo/", ""))
		if resp.StatusCode != c.status || body != c.body || resp.Header.Get("Content-Type") != c.content {
			t.Errorf("%s: %d %q %s", c.answer, resp.StatusCode, body, resp.Header.Get("Content-Type"))
		}
	}
	for _, bad := range []string{`{"statusCode":99}`, `{"statusCode":200,"headers":{"x":"a\r\nb"}}`, `{"statusCode":200,"body":"%%","isBase64Encoded":true}`,
		`{"statusCode":200,"headers":"x"}`, `{"statusCode":200,"headers":{"x":["a"]}}`, `{"statusCode":200,"cookies":"a=b"}`} {
		answer = bad
		if resp, body := do(t, request(t, "GET", addr+"/fn/echo/", "")); resp.StatusCode != 502 || !strings.Contains(body, "answer is not valid") {
			t.Errorf("%s: %d %s", bad, resp.StatusCode, body)
		}
	}
	answer = `{"statusCode":200,"cookies":["a=1; Path=/","b=2"],"multiValueHeaders":{"x-many":["1","2"]},"headers":{"x-n":5,"x-big":1000000,"x-bool":true,"x-null":null}}`
	resp, _ := do(t, request(t, "GET", addr+"/fn/echo/", ""))
	if d := cmp.Diff([]string{"a=1; Path=/", "b=2"}, resp.Header["Set-Cookie"]); d != "" {
		t.Error(d)
	}
	if _, ok := resp.Header["X-Null"]; ok || resp.Header.Get("X-Big") != "1000000" || resp.Header.Get("X-Bool") != "true" {
		t.Errorf("%v", resp.Header)
	}
	if resp.Header.Get("X-N") != "5" || len(resp.Header["X-Many"]) != 2 || resp.Header.Get("Server-Timing") == "" || resp.Header.Get("X-Amzn-Requestid") == "" {
		t.Errorf("%v", resp.Header)
	}
}

// initError is a function that did not become ready.
type initError struct{}

func (initError) Error() string { return "it did not start" }

func (initError) Report(string) (spec.InitReport, bool) {
	return spec.InitReport{ErrorType: "Runtime.ExitError", Body: []byte(`{"errorType":"Runtime.ExitError"}`)}, true
}

func TestFailures(t *testing.T) {
	var fail error
	var res *spec.Result
	addr := serve(t, spec.Function{Limits: spec.Limits{Payload: 2000}}, func(context.Context, spec.Invocation) (*spec.Result, error) { return res, fail })
	expect := func(path, body string, status int, text string) {
		t.Helper()
		resp, got := do(t, request(t, "POST", addr+path, body))
		if resp.StatusCode != status || !strings.Contains(got, text) {
			t.Errorf("%s: %d %s, want %d %s", path, resp.StatusCode, got, status, text)
		}
	}
	expect("/fn/exho/", "", 404, "did you mean echo?")
	expect("/fn/echo:9/", "", 404, "no version or alias")
	expect("/nothing", "", 404, "nothing is served at")
	expect("/fn/echo/", strings.Repeat("x", 2001), 413, "2000 bytes")
	res = gatewaytest.Fail("Unhandled", "Boom", []byte(`{"errorType":"Boom","errorMessage":"no"}`))
	expect("/fn/echo/", "", 502, `"errorMessage":"no"`)
	res = gatewaytest.Fail("Unhandled", "Sandbox.Timedout", []byte(`{"errorType":"Sandbox.Timedout","errorMessage":"late"}`))
	expect("/fn/echo/", "", 504, "late")
	fail = &spec.RetryError{After: time.Second, Err: errdefs.ErrResourceExhausted.WithMessage("full")}
	expect("/fn/echo/", "", 429, "full")
	fail = initError{}
	expect("/fn/echo/", "", 502, `{"errorType":"Runtime.ExitError"}`)
	fail = errdefs.ErrUnavailable.WithMessage("exit status 3: no such library")
	expect("/fn/echo/", "", 503, "no such library")
}

const prelude = `{"statusCode":203,"headers":{"content-type":"video/mp4"},"cookies":["a=b"]}` + "\x00\x00\x00\x00\x00\x00\x00\x00"

func TestResponseStreamFlushesAndTakesThePrelude(t *testing.T) {
	in, out := io.Pipe()
	addr := serve(t, spec.Function{URL: spec.URL{InvokeMode: "RESPONSE_STREAM"}}, func(context.Context, spec.Invocation) (*spec.Result, error) {
		return gatewaytest.Stream("application/vnd.awslambda.http-integration-response", in, spec.Trailer{Run: 5 * time.Millisecond}), nil
	})
	go io.WriteString(out, prelude+"frame1")
	resp, err := http.DefaultTransport.RoundTrip(request(t, "GET", addr+"/fn/echo/", "", "Accept", "video/mp4"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	buf := make([]byte, 6)
	if _, err := io.ReadFull(resp.Body, buf); err != nil || string(buf) != "frame1" { // arrives while the function still runs
		t.Fatalf("%q %v", buf, err)
	}
	if resp.StatusCode != 203 || resp.Header.Get("Content-Type") != "video/mp4" || resp.Header.Get("Set-Cookie") != "a=b" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	go func() { io.WriteString(out, "frame2"); out.Close() }()
	if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "frame2" {
		t.Errorf("%q %v", b, err)
	}
	if got := resp.Trailer.Get("Server-Timing"); got != "run;dur=5" {
		t.Errorf("trailer %q", got)
	}
}

// TestBufferedURLInterpretsWhateverTheTypeIs: where the URL buffers, an answer in format 2.0 is one, whatever content type
// the function sent it with; what is none keeps its type.
func TestBufferedURLInterpretsWhateverTheTypeIs(t *testing.T) {
	body := ""
	addr := serve(t, spec.Function{URL: spec.URL{InvokeMode: "BUFFERED"}}, func(context.Context, spec.Invocation) (*spec.Result, error) {
		return gatewaytest.Stream("application/octet-stream", strings.NewReader(body), spec.Trailer{}), nil
	})
	for in, want := range map[string]string{
		`{"statusCode":404,"headers":{"content-type":"text/plain"},"body":"nope"}`: "404 text/plain nope",
		`{"statusCode":"no"}`: `200 application/octet-stream {"statusCode":"no"}`,
		"raw":                 "200 application/octet-stream raw",
	} {
		body = in
		resp, err := http.DefaultTransport.RoundTrip(request(t, "GET", addr+"/fn/echo/", ""))
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if got := fmt.Sprint(resp.StatusCode, " ", resp.Header.Get("Content-Type"), " ", string(b)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestStreamsInOtherShapes(t *testing.T) {
	var res *spec.Result
	for mode, broken := range map[string]bool{"RESPONSE_STREAM": true, "BUFFERED": false} {
		addr := serve(t, spec.Function{URL: spec.URL{InvokeMode: mode}}, func(context.Context, spec.Invocation) (*spec.Result, error) { return res, nil })
		res = gatewaytest.Stream("application/vnd.awslambda.http-integration-response", strings.NewReader(prelude+"x"), spec.Trailer{})
		if resp, body := do(t, request(t, "GET", addr+"/fn/echo/", "")); resp.StatusCode != 203 || body != "x" {
			t.Errorf("%s prelude: %d %q", mode, resp.StatusCode, body)
		}
		res = gatewaytest.Stream("text/css", strings.NewReader("y"), spec.Trailer{})
		if resp, body := do(t, request(t, "GET", addr+"/fn/echo/", "")); body != "y" || resp.Header.Get("Content-Type") != "text/css" {
			t.Errorf("%s plain: %q %v", mode, body, resp.Header)
		}
		for _, bad := range []string{"{}", "{}\x00\x00", "{\x00\x00\x00\x00\x00\x00\x00\x00", `{"statusCode":1}` + prelude[len(prelude)-8:]} {
			res = gatewaytest.Stream("application/vnd.awslambda.http-integration-response", strings.NewReader(bad), spec.Trailer{})
			if resp, _ := do(t, request(t, "GET", addr+"/fn/echo/", "")); resp.StatusCode != 502 {
				t.Errorf("%s %q: %d", mode, bad, resp.StatusCode)
			}
		}
		// A function that fails half-way: a stream breaks off visibly, a buffered answer is a 502.
		res = gatewaytest.Stream("text/plain", strings.NewReader("part"), spec.Trailer{FunctionError: "Unhandled", ErrorType: "Boom"})
		resp, err := http.DefaultTransport.RoundTrip(request(t, "GET", addr+"/fn/echo/", ""))
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
		if (err != nil) != broken || !broken && resp.StatusCode != 502 {
			t.Errorf("%s failing: %d, read error %v", mode, resp.StatusCode, err)
		}
	}
}

func TestClientGoneCancelsTheInvocation(t *testing.T) {
	started, cancelled := make(chan struct{}), make(chan error, 1)
	addr := serve(t, spec.Function{}, func(ctx context.Context, _ spec.Invocation) (*spec.Result, error) {
		close(started)
		<-ctx.Done()
		cancelled <- ctx.Err()
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-started; cancel() }()
	r := request(t, "POST", addr+"/fn/echo/", "{}").WithContext(ctx)
	if resp, err := http.DefaultTransport.RoundTrip(r); err == nil {
		resp.Body.Close()
		t.Error("an answer came")
	}
	if err := <-cancelled; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// sse reads events until the stream ends.
func sse(t *testing.T, body io.Reader) (names, data []string, comments int) {
	t.Helper()
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		switch l := lines.Text(); {
		case strings.HasPrefix(l, ":"):
			comments++
		case strings.HasPrefix(l, "event: "):
			names = append(names, l[7:])
		case strings.HasPrefix(l, "data: "):
			data = append(data, l[6:])
		}
	}
	return names, data, comments
}

func TestEventStreamGivesProgressThenResult(t *testing.T) {
	next := make(chan struct{})
	addr := serve(t, spec.Function{}, func(_ context.Context, inv spec.Invocation) (*spec.Result, error) {
		inv.OnProgress(spec.Progress{Phase: "denoise", Step: 1, Steps: 2})
		<-next
		inv.OnProgress(spec.Progress{Phase: "decode", Step: 2, Steps: 2})
		return gatewaytest.Answer([]byte(`{"statusCode":200,"body":"/wAB","isBase64Encoded":true,"headers":{"content-type":"video/mp4"}}`)), nil
	})
	resp, err := http.DefaultTransport.RoundTrip(request(t, "POST", addr+"/fn/echo/", "{}", "Accept", "text/event-stream"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	br := bufio.NewReader(resp.Body)
	for { // a keep-alive comment comes while the function is silent
		line, err := br.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(line, ": ") {
			break
		}
	}
	close(next)
	names, data, _ := sse(t, br)
	if d := cmp.Diff([]string{"progress", "result"}, names); d != "" {
		t.Fatal(d)
	}
	if want := `{"status":200,"headers":{"content-type":"video/mp4"},"base64":"/wAB"}`; data[1] != want {
		t.Errorf("%s", data[1])
	}
}

func TestEventStreamErrors(t *testing.T) {
	progress, fail := false, errdefs.ErrUnavailable.WithMessage("it died")
	addr := serve(t, spec.Function{}, func(_ context.Context, inv spec.Invocation) (*spec.Result, error) {
		if progress {
			inv.OnProgress(spec.Progress{Phase: "denoise"})
		}
		return nil, fail
	})
	// The keep-alive comment may come first; then the error is an event.
	resp, body := do(t, request(t, "POST", addr+"/fn/echo/", "{}", "Accept", "text/event-stream"))
	if resp.StatusCode == 503 == strings.Contains(body, "event: error") || !strings.Contains(body, "it died") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	progress = true
	resp, body = do(t, request(t, "POST", addr+"/fn/echo/", "{}", "Accept", "text/event-stream"))
	names, data, _ := sse(t, strings.NewReader(body))
	if resp.StatusCode != 200 || len(names) != 2 || names[1] != "error" || !strings.Contains(data[1], `"status":503`) || !strings.Contains(data[1], "it died") {
		t.Errorf("%d %v %v", resp.StatusCode, names, data)
	}
}

func TestEventStreamOfTheFunctionPassesThrough(t *testing.T) {
	addr := serve(t, spec.Function{}, func(context.Context, spec.Invocation) (*spec.Result, error) {
		return gatewaytest.Stream("text/event-stream", strings.NewReader("event: mine\ndata: 1\n\n"), spec.Trailer{}), nil
	})
	resp, body := do(t, request(t, "POST", addr+"/fn/echo/", "{}", "Accept", "text/event-stream"))
	if resp.Header.Get("Content-Type") != "text/event-stream" || !strings.Contains(body, "event: mine") {
		t.Errorf("%q %v", body, resp.Header)
	}
}

// Most functions name the type in a prelude, and some are slow to begin: the comments that went before do no harm.
func TestEventStreamWithAPreludePassesThrough(t *testing.T) {
	for name, late := range map[string]bool{"at once": false, "after a comment": true} {
		in, out := io.Pipe()
		addr := serve(t, spec.Function{URL: spec.URL{InvokeMode: "RESPONSE_STREAM"}}, func(context.Context, spec.Invocation) (*spec.Result, error) {
			return gatewaytest.Stream("application/vnd.awslambda.http-integration-response", in, spec.Trailer{}), nil
		})
		answer := func() {
			io.WriteString(out, `{"statusCode":200,"headers":{"content-type":"text/event-stream"}}`+"\x00\x00\x00\x00\x00\x00\x00\x00event: mine\n")
		}
		if !late {
			go answer()
		}
		resp, err := http.DefaultTransport.RoundTrip(request(t, "GET", addr+"/fn/echo/", "", "Accept", "text/event-stream"))
		if err != nil {
			t.Fatal(err)
		}
		if late { // the head is here, and only a comment can have brought it
			go answer()
		}
		br := bufio.NewReader(resp.Body)
		for { // the event comes while the function still runs
			line, err := br.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(line, "event: ") {
				if line != "event: mine\n" || resp.Header.Get("Content-Type") != "text/event-stream" {
					t.Errorf("%s: %q %v", name, line, resp.Header)
				}
				break
			}
		}
		go func() { io.WriteString(out, "data: 1\n\n"); out.Close() }()
		if rest, err := io.ReadAll(br); err != nil || string(rest) != "data: 1\n\n" {
			t.Errorf("%s: %q %v", name, rest, err)
		}
		resp.Body.Close()
	}
}

func TestCORS(t *testing.T) {
	called := 0
	addr := serve(t, spec.Function{URL: spec.URL{CORS: &spec.CORS{
		AllowOrigins: []string{"https://*.example.com"}, AllowMethods: []string{"POST"}, AllowHeaders: []string{"x-one"},
		ExposeHeaders: []string{"x-out"}, AllowCredentials: true, MaxAge: spec.Duration(time.Minute),
	}}}, func(context.Context, spec.Invocation) (*spec.Result, error) {
		called++
		return gatewaytest.Answer([]byte(`{"statusCode":200,"headers":{"access-control-allow-origin":"*","vary":"Accept-Encoding"}}`)), nil
	})
	resp, _ := do(t, request(t, "OPTIONS", addr+"/fn/echo/", "", "Origin", "https://a.example.com", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "X-One, x-two"))
	want := map[string]string{"Access-Control-Allow-Origin": "https://a.example.com", "Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "X-One",
		"Access-Control-Allow-Credentials": "true", "Access-Control-Max-Age": "60", "Access-Control-Expose-Headers": "x-out", "Vary": "Origin"}
	for k, v := range want {
		if resp.Header.Get(k) != v {
			t.Errorf("preflight %s: %q, want %q", k, resp.Header.Get(k), v)
		}
	}
	if called != 0 || resp.StatusCode != 200 {
		t.Errorf("preflight: called %d, status %d", called, resp.StatusCode)
	}
	resp, _ = do(t, request(t, "POST", addr+"/fn/echo/", "", "Origin", "https://a.example.com"))
	if got := resp.Header["Access-Control-Allow-Origin"]; len(got) != 1 || got[0] != "https://a.example.com" || called != 1 {
		t.Errorf("%v, called %d", got, called)
	}
	for _, origin := range []string{"https://a.example.com", ""} {
		resp, _ = do(t, request(t, "POST", addr+"/fn/echo/", "", "Origin", origin))
		if got := strings.Join(resp.Header["Vary"], ","); got != "Origin,Accept-Encoding" {
			t.Errorf("a cache is told Vary: %s", got)
		}
	}
	resp, _ = do(t, request(t, "OPTIONS", addr+"/fn/echo/", "", "Origin", "https://evil.org", "Access-Control-Request-Method", "POST"))
	if resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("foreign origin: %v", resp.Header)
	}
}
