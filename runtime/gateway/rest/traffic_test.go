package rest

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/experiments"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

const shared = `{"name":"ab","arms":[{"model":"wan21","version":"1"},{"model":"wan21","version":"2"}],"traffic":{"alias":"live","share":0.25}}`

// TestAnAliasServesTwoVersions: an experiment shares its alias out, requests for it are counted by who answered, and its end leaves
// the alias to one version.
func TestAnAliasServesTwoVersions(t *testing.T) {
	draws := 0
	r := newRig(t, nil, func(_ *jobs.Config, d *jobs.Deps) {
		d.Runner = runner(func(_ context.Context, inv spec.Invocation) (*spec.Result, error) { // as a registry that draws the second version for every fourth
			res := jobstest.Stream(200, "video/mp4", []byte("clip"))
			if res.Version = inv.Qualifier; inv.Qualifier == "live" {
				res.Version = map[bool]string{true: "2", false: "1"}[draws%4 == 3]
				draws++
			}
			return res, nil
		})
	})
	store, err := experiments.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var routes []string
	var fails error
	api := New(Options{Jobs: r.jobs, Models: jobstest.Models{"wan21": {Name: "wan21", Function: "fn", Concurrency: 1}, "ltx2": {Name: "ltx2", Function: "ltx2", Concurrency: 1}}, Experiments: store,
		Route: func(_ context.Context, function, alias, one, other string, share float64) error {
			if fails == nil {
				routes = append(routes, fmt.Sprintf("%s:%s=%s,%s,%v", function, alias, one, other, share))
			}
			return fails
		},
		Versions: func(_ context.Context, function, version string) error {
			if function == "fn" && strings.Contains(" 1 2 live ", " "+version+" ") {
				return nil
			}
			return fmt.Errorf("function %s has no version or alias %q: %w", function, version, errdefs.ErrNotFound)
		}})
	s := httptest.NewServer(gateway.New(gateway.Options{Routes: []gateway.Routes{api}}).Handler())
	t.Cleanup(s.Close)
	r.url = s.URL
	call := func(status int, method, path, body string) experimentView {
		t.Helper()
		resp, b := r.do(method, r.url+path, body)
		if resp.StatusCode != status {
			t.Fatalf("%s %s %s: %s %s", method, path, body, resp.Status, b)
		}
		if status > 201 {
			return experimentView{}
		}
		return parse[experimentView](t, b)
	}
	routed := func(want string) {
		t.Helper()
		if len(routes) == 0 || routes[len(routes)-1] != want {
			t.Errorf("the alias was pointed %v, want %s last", routes, want)
		}
	}
	for _, bad := range []string{strings.Replace(shared, "0.25", "1.5", 1), strings.Replace(shared, `"alias":"live",`, "", 1), strings.Replace(shared, `,"version":"2"`, "", 1),
		strings.Replace(shared, `{"model":"wan21","version":"2"}`, `{"model":"ltx2","version":"2"}`, 1), strings.Replace(shared, `"2"`, `"3"`, 1)} {
		if resp, b := r.do("POST", r.url+"/v1/experiments", bad); resp.StatusCode < 400 || resp.StatusCode > 422 {
			t.Errorf("%s: %s %s", bad, resp.Status, b)
		}
	}
	fails = fmt.Errorf("function fn has no version: %w", errdefs.ErrNotFound)
	call(404, "POST", "/v1/experiments", shared)
	if fails = nil; len(store.List()) != 0 || len(routes) != 0 {
		t.Fatalf("an experiment without its alias is kept: %v, %v", store.List(), routes)
	}
	call(201, "POST", "/v1/experiments", shared)
	routed("fn:live=1,2,0.25")

	for i := range 8 {
		if j := r.generate(fmt.Sprintf(`{"prompt":"p","seed":%d,"version":"live"}`, i), "Prefer", "wait=20"); j.Version != "live" || j.Status != jobs.Completed || j.Timing.Version == "live" {
			t.Fatalf("%+v", j)
		}
	}
	r.generate(`{"prompt":"p","version":"2"}`, "Prefer", "wait=20") // not by the alias
	r.generate(`{"prompt":"p"}`, "Prefer", "wait=20")
	e := call(200, "GET", "/v1/experiments/ab", "")
	if a := e.Traffic.Arms; len(a) != 2 || a[0].Jobs != 6 || a[1].Jobs != 2 || a[1].Completed != 2 || a[0].Mean <= 0 {
		t.Errorf("%+v", e.Traffic)
	}
	if p := r.problem(422, "POST", "/v1/models/wan21/generate", `{"prompt":"p","version":"9"}`); !strings.Contains(p.Detail, "no version or alias") {
		t.Error(p.Detail)
	}
	r.problem(422, "POST", "/v1/models/wan21/generate", `{"prompt":"p","version":"a b"}`)

	if e = call(200, "PATCH", "/v1/experiments/ab", `{"share":1}`); e.Traffic.Share != 1 {
		t.Errorf("%+v", e.Traffic)
	}
	routed("fn:live=2,,0")
	call(200, "PATCH", "/v1/experiments/ab", `{"share":0.5}`)
	routed("fn:live=1,2,0.5")
	for body, want := range map[string]int{`{}`: 400, `{"share":2}`: 400, `{"share":"half"}`: 400, `{"share":0.5,"alias":"x"}`: 400} {
		call(want, "PATCH", "/v1/experiments/ab", body)
	}
	fails = errdefs.ErrUnavailable
	call(503, "PATCH", "/v1/experiments/ab", `{"share":0.75}`)
	fails = nil
	if e = call(200, "GET", "/v1/experiments/ab", ""); e.Traffic.Share != 0.5 {
		t.Errorf("a share that the alias did not get: %v", e.Traffic.Share)
	}
	call(204, "DELETE", "/v1/experiments/ab", "")
	routed("fn:live=1,,0")
}
