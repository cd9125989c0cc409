package lambda_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGoldenWire holds the JSON of every answer to files, so that a change of a wire type shows.
func TestGoldenWire(t *testing.T) {
	b := newBench(t, gatewaytest.Echo)
	one := 1
	b.add(t, spec.Function{
		Name: "echo", Description: "d", Digest: "x", Handler: "h", Command: []string{"/c"}, Env: map[string]string{"A": "1"}, Labels: map[string]string{"t": "1"},
		Timeout: spec.Duration(time.Minute), Concurrency: 3, MinInstances: 2, Limits: spec.Limits{Memory: 512 << 20, Scratch: 64 << 20},
		Modified: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		URL:      spec.URL{InvokeMode: "RESPONSE_STREAM", CORS: &spec.CORS{AllowOrigins: []string{"*"}, MaxAge: spec.Duration(time.Minute)}},
		Async:    spec.Async{Retries: &one, MaxAge: spec.Duration(time.Minute), OnFailure: "sink", OnSuccess: "https://x/y"},
	})
	for _, c := range []struct{ name, method, path, body string }{
		{"get-function", "GET", "/2015-03-31/functions/echo", ""},
		{"list-functions", "GET", "/2015-03-31/functions/", ""},
		{"publish-version", "POST", "/2015-03-31/functions/echo/versions", "{}"},
		{"create-alias", "POST", "/2015-03-31/functions/echo/aliases", `{"Name":"live","FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"1":0.5}}}`},
		{"concurrency", "GET", "/2019-09-30/functions/echo/concurrency", ""},
		{"provisioned", "GET", "/2019-09-30/functions/echo/provisioned-concurrency?Qualifier=$LATEST", ""},
		{"event-invoke-config", "GET", "/2019-09-25/functions/echo/event-invoke-config", ""},
		{"url", "GET", "/2021-10-31/functions/echo/url", ""},
		{"tags", "GET", "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A1%3Afunction%3Aecho", ""},
		{"account-settings", "GET", "/2016-08-19/account-settings/", ""},
		{"not-found", "GET", "/2015-03-31/functions/nope", ""},
	} {
		r, _ := http.NewRequest(c.method, b.url+c.path, strings.NewReader(c.body))
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		compare(t, c.name, bytes.ReplaceAll(got, []byte(b.url), []byte("http://HOST")))
	}
}

func compare(t *testing.T, name string, got []byte) {
	t.Helper()
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, got, "", "  "); err != nil {
		t.Fatalf("%s: %s: %v", name, got, err)
	}
	pretty.WriteByte('\n')
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(file, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), pretty.String()); d != "" {
		t.Errorf("%s: %s", name, d)
	}
}
