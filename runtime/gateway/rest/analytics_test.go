package rest

import (
	"context"
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/jobs/usage"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestAnalytics(t *testing.T) {
	r := newRig(t, func(_ context.Context, c jobstest.Call) (*spec.Result, error) {
		if c.Request.Prompt == "bad" {
			return jobstest.Stream(422, "application/problem+json", []byte(`{"detail":"no"}`)), nil
		}
		res := jobstest.Stream(200, "video/mp4", []byte("clip"))
		res.Phases = spec.Phases{Cold: true, Init: 3 * time.Second}
		return res, nil
	})
	r.generate(`{"prompt":"good"}`, "Prefer", "wait=20", "X-Client-Id", "ana")
	r.generate(`{"prompt":"bad"}`, "Prefer", "wait=20")
	_, b := r.do("GET", r.url+"/v1/analytics?span=1h", "")
	got := parse[usage.Report](t, b)
	if got.Total.Jobs != 2 || got.Total.Completed != 1 || got.Total.Failed != 1 || got.Total.Cold < 1 || len(got.Over) != 60 || got.Starting.Max != 3 || len(got.Clients) != 2 || got.Failures[0].Jobs != 1 {
		t.Errorf("%s", b)
	}
	resp, b := r.do("GET", r.url+"/v1/analytics?client=ana", "", "Accept", "text/csv")
	rows, err := csv.NewReader(strings.NewReader(string(b))).ReadAll()
	if err != nil || len(rows) != 25 || resp.Header.Get("Content-Type") != "text/csv; charset=utf-8" || rows[24][1] != "1" {
		t.Errorf("%v %v %s", err, resp.Header, b)
	}
	for _, q := range []string{"from=2026-01-01T00:00:00Z&to=2026-02-31T00:00:00Z", "from=2026-01-01T00:00:00%2B02:00", "to=2026-01-01T00:00:00Z", "from=2030-01-01T00:00:00Z&to=2020-01-01T00:00:00Z"} {
		if resp, b := r.do("GET", r.url+"/v1/analytics?"+q, ""); resp.StatusCode != 200 || parse[usage.Report](t, b).Step == 0 {
			t.Errorf("%s: %s %s", q, resp.Status, b)
		}
	}
	for _, q := range []string{"span=2h", "from=yesterday", "to=0001-01-01T00:00:00Z"} {
		if p := r.problem(400, "GET", "/v1/analytics?"+q, ""); len(p.Errors) != 1 {
			t.Errorf("%s: %+v", q, p)
		}
	}
	r.problem(404, "GET", "/v1/analytics?model=none", "")
}

func TestASearchLooksThroughAll(t *testing.T) {
	r := newRig(t, nil)
	for _, p := range []string{"a Red kite", "a boat", "RED boat"} {
		r.generate(`{"prompt":"`+p+`"}`, "Prefer", "wait=20")
	}
	_, b := r.do("GET", r.url+"/v1/jobs?q=red&limit=1", "")
	first := parse[jobList](t, b)
	_, b = r.do("GET", r.url+"/v1/jobs?q=red&limit=1&before="+first.Next, "")
	second := parse[jobList](t, b)
	if len(first.Jobs) != 1 || len(second.Jobs) != 1 || asked(first.Jobs[0]).Prompt != "RED boat" || asked(second.Jobs[0]).Prompt != "a Red kite" {
		t.Errorf("%+v, %+v", first, second)
	}
	if all, err := r.jobs.List(t.Context(), jobs.Filter{Prompt: "nothing"}); err != nil || len(all) != 0 {
		t.Error(all, err)
	}
}
