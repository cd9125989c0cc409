package rest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// people serves a rig's jobs to whoever the header Who says, as a guard would have found out.
func people(r *rig) {
	who := map[string]*auth.Principal{
		"alice": {Kind: auth.ByKey, Name: "alice", Scopes: auth.Submit | auth.Read}, "bob": {Kind: auth.ByKey, Name: "bob", Scopes: auth.Submit | auth.Read},
		"auditor": {Kind: auth.ByKey, Name: "auditor", Scopes: auth.ReadAll | auth.Submit}, "admin": {Kind: auth.ByKey, Name: "admin", Scopes: auth.Manage},
		"token": {Kind: auth.ByToken, Name: "alice", Scopes: auth.Submit | auth.Read},
	}
	wrap := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			next.ServeHTTP(w, q.WithContext(auth.With(q.Context(), who[q.Header.Get("Who")])))
		})
	}
	api := New(Options{Jobs: r.jobs, Models: jobstest.Models{"wan21": {Name: "wan21", Function: "wan21", Concurrency: 1}}})
	s := httptest.NewServer(gateway.New(gateway.Options{Routes: []gateway.Routes{api}, Wrap: []func(http.Handler) http.Handler{wrap}}).Handler())
	r.t.Cleanup(s.Close)
	r.url = s.URL
}

// TestAClientSeesItsOwnJobs asks of each way to a job that it is closed to everybody else.
func TestAClientSeesItsOwnJobs(t *testing.T) {
	r := newRig(t, nil)
	people(r)
	j := r.generate(`{"prompt":"mine"}`, "Who", "alice", "Prefer", "wait=20", "X-Client-Id", "bob")
	if j.Client != "alice" || j.Status != jobs.Completed {
		t.Fatalf("the job is %s's: %+v", j.Client, j)
	}
	ways := []string{"GET /v1/jobs/ID", "GET /v1/jobs/ID/events", "GET /v1/jobs/ID/download", "GET /v1/models/wan21/jobs/ID", "GET /v1/models/wan21/jobs/ID/download",
		"POST /v1/jobs/ID/retry", "PATCH /v1/jobs/ID", "DELETE /v1/jobs/ID", "DELETE /v1/jobs/ID?purge=true"}
	for _, way := range ways {
		method, path, _ := strings.Cut(way, " ")
		for _, other := range []string{"bob", "token"} {
			if p := r.problem(404, method, strings.Replace(path, "ID", j.ID, 1), "", "Who", other); !strings.Contains(p.Detail, "there is no job") {
				t.Errorf("%s by %s: %+v", way, other, p)
			}
		}
		if resp, b := r.do(method, r.url+strings.Replace(path, "ID", j.ID, 1), "", "Who", "auditor"); method == "GET" && resp.StatusCode != 200 || method != "GET" && resp.StatusCode != 403 {
			t.Errorf("%s by who reads all: %s %s", way, resp.Status, b)
		}
	}
	for who, want := range map[string]int{"alice": 1, "bob": 0, "token": 0, "auditor": 1, "admin": 1} {
		for _, path := range []string{"/v1/jobs", "/v1/models/wan21/jobs"} {
			_, b := r.do("GET", r.url+path, "", "Who", who)
			if got := parse[jobList](t, b); len(got.Jobs) != want {
				t.Errorf("%s lists %d jobs for %s", path, len(got.Jobs), who)
			}
		}
	}
	r.problem(403, "GET", "/v1/jobs?client=alice", "", "Who", "bob")
	if resp, b := r.do("DELETE", r.url+"/v1/jobs/"+j.ID+"?purge=true", "", "Who", "admin"); resp.StatusCode != 204 {
		t.Errorf("who manages: %s %s", resp.Status, b)
	}
}

// Keys of idempotency, batches and uploads are a client's own, too; who manages may act for others.
func TestWhatElseIsOwn(t *testing.T) {
	r := newRig(t, func(ctx context.Context, _ jobstest.Call) (*spec.Result, error) { return jobstest.Block(ctx) })
	people(r)
	a := r.generate(`{"prompt":"x"}`, "Who", "alice", "Idempotency-Key", "k")
	b := r.generate(`{"prompt":"x"}`, "Who", "bob", "Idempotency-Key", "k")
	if a.ID == b.ID {
		t.Error("one client's key gives another's job")
	}
	resp, text := r.do("PUT", r.url+"/v1/uploads", "bytes", "Who", "alice")
	u := parse[uploadView](t, text)
	if resp.StatusCode != 201 {
		t.Fatal(resp.Status)
	}
	r.problem(404, "GET", "/v1/uploads/"+u.ID, "", "Who", "bob", "X-Client-Id", "alice")
	r.problem(404, "DELETE", "/v1/uploads/"+u.ID, "", "Who", "bob")
	if resp, _ := r.do("GET", r.url+"/v1/uploads/"+u.ID, "", "Who", "admin", "X-Client-Id", "alice"); resp.StatusCode != 200 {
		t.Errorf("who manages, for another: %s", resp.Status)
	}
}
