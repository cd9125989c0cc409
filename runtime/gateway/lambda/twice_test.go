package lambda_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestAnEventIsTheFunctionsOwn: however it is written, also where it says a thing twice, it goes there and back byte for byte. What
// the server reads itself has each thing once.
func TestAnEventIsTheFunctionsOwn(t *testing.T) {
	b := newBench(t, gatewaytest.Echo)
	b.add(t, spec.Function{Name: "echo"})
	ask := func(method, path, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, b.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
	for _, event := range []string{`{"a":1,"a":2}`, ` {"b" : 1e2,
	"\u0062":[ {"x":0,"X":-0,"x":1.0} ] } `} {
		if code, got := ask("POST", "/2015-03-31/functions/echo/invocations", event); code != 200 || got != event {
			t.Errorf("%q is answered %d %q", event, code, got)
		}
	}
	const conf = "/2015-03-31/functions/echo/configuration"
	for _, body := range []string{`{"Timeout":5,"Timeout":6}`, `{"Timeout":5,"timeout":6}`, `{"Environment":{"Variables":{"A":"1","A":"2"}}}`} {
		if code, got := ask("PUT", conf, body); code != 400 || !strings.Contains(got, "more than once") {
			t.Errorf("%s is answered %d %s", body, code, got)
		}
	}
	if code, got := ask("PUT", conf, `{"Environment":{"Variables":{"A":"1","a":"2"}}}`); code != 200 {
		t.Errorf("%d %s", code, got)
	}
}
