package admin_test

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

	"github.com/containerd/errdefs"
	"go.uber.org/goleak"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/admin"
	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/runtime/tasks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fleet is Instances with a fixed picture; its log ends only when the reader leaves.
type fleet struct {
	catalog *gatewaytest.Catalog
	stopped []string
	loaded  []string
	idle    bool // nothing runs
	left    chan struct{}
}

func (f *fleet) Instances(context.Context) ([]spec.InstanceStatus, error) {
	return []spec.InstanceStatus{{ID: "b", Function: "echo"}, {ID: "a", Function: "echo"}, {ID: "c", Function: "other"}}, nil
}

func (f *fleet) Status(ctx context.Context, name string) (spec.FunctionStatus, error) {
	fn, err := f.catalog.Get(ctx, name, "")
	if f.idle {
		return spec.FunctionStatus{Function: fn}, err
	}
	return spec.FunctionStatus{Function: fn, Instances: 2}, err
}

func (f *fleet) Logs(ctx context.Context, _ string, follow bool, w io.Writer) error {
	fmt.Fprintln(w, "first")
	if !follow {
		return nil
	}
	<-ctx.Done()
	close(f.left)
	return ctx.Err()
}

func (f *fleet) StopInstance(_ context.Context, id string) error {
	if id != "a" {
		return fmt.Errorf("no instance %s: %w", id, errdefs.ErrNotFound)
	}
	f.stopped = append(f.stopped, id)
	return nil
}

func (f *fleet) Load(_ context.Context, name, qualifier string) error {
	f.loaded = append(f.loaded, name+":"+qualifier)
	return nil
}

func serve(t *testing.T) (*fleet, func(method, path, body string, out any) int, string) {
	f := &fleet{catalog: &gatewaytest.Catalog{}, left: make(chan struct{})}
	if _, err := f.catalog.Put(t.Context(), spec.Function{Name: "echo", Image: "x"}); err != nil {
		t.Fatal(err)
	}
	api := admin.New(admin.Options{Functions: f.catalog, Instances: f, Version: admin.Version{Version: "1.2.3"},
		Health: func(context.Context) error { return errors.New("disk full") }})
	srv := httptest.NewServer(gateway.New(gateway.Options{Routes: []gateway.Routes{api}}).Handler())
	t.Cleanup(srv.Close)
	return f, func(method, path, body string, out any) int {
		t.Helper()
		r, _ := http.NewRequest(method, srv.URL+path, strings.NewReader(body))
		resp, err := srv.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if out != nil {
			if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
				t.Fatal(err)
			}
		}
		return resp.StatusCode
	}, srv.URL
}

func TestFunctions(t *testing.T) {
	f, call, _ := serve(t)
	var list admin.Functions
	if s := call("GET", "/api/v1/functions", "", &list); s != 200 || len(list.Functions) != 1 || list.Functions[0].Instances != 2 {
		t.Errorf("%d %+v", s, list)
	}
	var problem struct{ Message string }
	if s := call("GET", "/api/v1/functions/eco", "", &problem); s != 404 || !strings.Contains(problem.Message, "did you mean echo?") {
		t.Errorf("%d %s", s, problem.Message)
	}
	if s := call("PUT", "/api/v1/functions/new", `{"image":"y","timeout":"90s"}`, nil); s != 201 {
		t.Errorf("put: %d", s)
	}
	if fn, err := f.catalog.Get(t.Context(), "new", ""); err != nil || fn.Timeout.D().Seconds() != 90 {
		t.Errorf("%+v %v", fn, err)
	}
	for body, want := range map[string]int{`{"image":"y"}`: 200, `{"name":"old","image":"y"}`: 400, `{"timeout":"soon"}`: 400, `{`: 400,
		`{"image":"y","image":"z"}`: 400, `{"image":"y","IMAGE":"z"}`: 400, `{"image":"y","environment":{"a":"1","a":"2"}}`: 400, `{"image":"y","environment":{"a":"1","A":"2"}}`: 200} {
		if s := call("PUT", "/api/v1/functions/new", body, nil); s != want {
			t.Errorf("put %s: %d, want %d", body, s, want)
		}
	}
	if s := call("DELETE", "/api/v1/functions/new", "", nil); s != 204 {
		t.Errorf("delete: %d", s)
	}
	if s := call("POST", "/api/v1/functions/new", "", nil); s != 405 {
		t.Errorf("post: %d", s)
	}
}

// TestKeysOfDestinationsDoNotComeBack: the server keeps and uses them, and shows where they lead.
func TestKeysOfDestinationsDoNotComeBack(t *testing.T) {
	f, call, _ := serve(t)
	const target = "https://u:s3cret@h.example/in?k=s3cret"
	var put, got struct{ Function, Async any }
	for what, s := range map[string]int{
		"put": call("PUT", "/api/v1/functions/new", `{"image":"y","async":{"onSuccess":"`+target+`","onFailure":"sink"}}`, &put),
		"get": call("GET", "/api/v1/functions/new", "", &got),
	} {
		if text := fmt.Sprint(put, got); s > 201 || strings.Contains(text, "s3cret") || strings.Count(text, "https://h.example/in") != 2 || !strings.Contains(text, "sink") {
			t.Errorf("%s: %d %s", what, s, text)
		}
	}
	if fn, err := f.catalog.Get(t.Context(), "new", ""); err != nil || fn.Async.OnSuccess != target {
		t.Errorf("%+v %v", fn.Async, err)
	}
}

func TestInstances(t *testing.T) {
	f, call, _ := serve(t)
	var list admin.Instances
	if call("GET", "/api/v1/instances?function=echo", "", &list); len(list.Instances) != 2 || list.Instances[0].ID != "a" {
		t.Errorf("%+v", list)
	}
	if s := call("DELETE", "/api/v1/instances/a", "", nil); s != 204 || len(f.stopped) != 1 {
		t.Errorf("%d %v", s, f.stopped)
	}
	if s := call("DELETE", "/api/v1/instances/z", "", nil); s != 404 {
		t.Errorf("%d", s)
	}
}

func TestVersionAndHealth(t *testing.T) {
	_, call, _ := serve(t)
	var v admin.Version
	if call("GET", "/api/v1/version", "", &v); v.Version != "1.2.3" {
		t.Errorf("%+v", v)
	}
	var h admin.Health
	if s := call("GET", "/api/v1/health", "", &h); s != 503 || h.Fault != "disk full" {
		t.Errorf("%d %+v", s, h)
	}
}

func TestLogsFollowUntilTheClientLeaves(t *testing.T) {
	f, call, url := serve(t)
	if s := call("GET", "/api/v1/functions/echo/logs?follow=perhaps", "", nil); s != 400 {
		t.Errorf("%d", s)
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	r, _ := http.NewRequestWithContext(ctx, "GET", url+"/api/v1/functions/echo/logs?follow", nil)
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if line, err := bufio.NewReader(resp.Body).ReadString('\n'); line != "first\n" {
		t.Errorf("%q %v", line, err)
	}
	leave()
	<-f.left
}

// TestAFunctionWithoutItsImageHasAProblem: as long as nothing of it runs, and only where this machine knows the answer.
func TestAFunctionWithoutItsImageHasAProblem(t *testing.T) {
	f := &fleet{catalog: &gatewaytest.Catalog{}, idle: true}
	for name, image := range map[string]string{"none": "oci:/none", "there": "oci:/there", "away": "oci:/away", "far": "registry/far"} {
		if _, err := f.catalog.Put(t.Context(), spec.Function{Name: name, Image: image}); err != nil {
			t.Fatal(err)
		}
	}
	look := func(_ context.Context, ref string) error {
		if ref == "oci:/there" {
			return nil
		}
		return fmt.Errorf("no image %q: %w", ref, errdefs.ErrNotFound)
	}
	api := admin.New(admin.Options{Functions: f.catalog, Instances: f, Image: look})
	srv := httptest.NewServer(gateway.New(gateway.Options{Routes: []gateway.Routes{api}}).Handler())
	defer srv.Close()
	problems := func() map[string]bool {
		resp, err := srv.Client().Get(srv.URL + "/api/v1/functions")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var all admin.Functions
		if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
			t.Fatal(err)
		}
		out := map[string]bool{}
		for _, st := range all.Functions {
			out[st.Function.Name] = st.Fault != ""
		}
		return out
	}
	if got := problems(); !got["none"] || got["there"] || !got["away"] || got["far"] {
		t.Errorf("%v", got)
	}
	f.idle = false
	if got := problems(); got["none"] || got["away"] {
		t.Errorf("what runs has its image: %v", got)
	}
}

func TestFunctionsAreLoadedAndPinned(t *testing.T) {
	f, call, _ := serve(t)
	if _, err := f.catalog.Put(t.Context(), spec.Function{Name: "echo", Image: "x"}); err != nil {
		t.Fatal(err)
	}
	if code := call("POST", "/api/v1/functions/echo/load", "", nil); code != 202 || len(f.loaded) != 1 || f.loaded[0] != "echo:$LATEST" {
		t.Errorf("load: %d, %v", code, f.loaded)
	}
	if code := call("POST", "/api/v1/functions/nobody/load", "", nil); code != 404 {
		t.Errorf("load of nothing: %d", code)
	}
	for _, pin := range []bool{true, false} {
		var fn spec.Function
		if code := call("PUT", "/api/v1/functions/echo/pin", fmt.Sprintf(`{"pin":%t}`, pin), &fn); code != 200 || fn.Pin != pin {
			t.Errorf("pin %t: %d %+v", pin, code, fn)
		}
	}
	var told struct{ Detail string }
	if code := call("PUT", "/api/v1/functions/echo/pin", `{"pin":true,"Pin":false}`, &told); code != 400 || !strings.Contains(told.Detail, "Pin is in the body more than once") {
		t.Errorf("both: %d %s", code, told.Detail)
	}
	if code := call("PUT", "/api/v1/functions/echo/pin", `{}`, nil); code != 400 {
		t.Errorf("pin without a word: %d", code)
	}
	if code := call("GET", "/api/v1/machine", "", nil); code != 501 {
		t.Errorf("an unknown machine: %d", code)
	}
}

func TestTasksAreRunForWhoManages(t *testing.T) {
	_, call, _ := serve(t)
	if code := call("GET", "/api/v1/tasks", "", nil); code != 501 {
		t.Errorf("without a runner: %d", code)
	}
	runner := tasks.New(tasks.Options{Program: "/bin/echo", Checkpoints: t.TempDir(), Models: t.TempDir()})
	defer runner.Stop()
	srv := httptest.NewServer(gateway.New(gateway.Options{Routes: []gateway.Routes{admin.New(admin.Options{Tasks: runner})}}).Handler())
	defer srv.Close()
	post := func(body string) (int, string) {
		resp, err := http.Post(srv.URL+"/api/v1/tasks", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
	if code, b := post(`{"kind":"pull","repository":"--help"}`); code != 400 || !strings.Contains(b, "OWNER/NAME") {
		t.Errorf("%d %s", code, b)
	}
	if code, b := post(`{"kind":"pull","repository":"team/model"}`); code != 202 || !strings.Contains(b, `"id":"1"`) {
		t.Errorf("%d %s", code, b)
	}
	resp, err := http.Get(srv.URL + "/api/v1/tasks/1/log")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); !strings.HasPrefix(string(b), "models pull team/model -o ") {
		t.Errorf("the log is %q", b)
	}
}
