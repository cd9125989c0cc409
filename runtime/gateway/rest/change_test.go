package rest

import (
	"context"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestThePriorityOfAWaitingJob(t *testing.T) {
	up := make(chan struct{}, 1)
	r := newRig(t, func(ctx context.Context, _ jobstest.Call) (*spec.Result, error) {
		up <- struct{}{}
		return jobstest.Block(ctx)
	})
	runs := r.generate(`{"prompt":"runs"}`)
	<-up
	first, last := r.generate(`{"prompt":"first"}`), r.generate(`{"prompt":"last"}`)
	patch := func(id, body string, want int) jobView {
		t.Helper()
		resp, b := r.do("PATCH", r.url+"/v1/jobs/"+id, body)
		if resp.StatusCode != want {
			t.Fatalf("%s: %s %s", body, resp.Status, b)
		}
		if want != 200 {
			return jobView{}
		}
		return parse[jobView](t, b)
	}
	if v := patch(last.ID, `{"priority":"high"}`, 200); v.Priority != jobs.High || v.Position != 1 {
		t.Errorf("%+v", v)
	}
	_, b := r.do("GET", r.url+"/v1/jobs/"+first.ID, "")
	if v := parse[jobView](t, b); v.Position != 2 {
		t.Errorf("the other one has place %d", v.Position)
	}
	if v := patch(last.ID, `{"priority":"low"}`, 200); v.Priority != jobs.Low || v.Position != 2 {
		t.Errorf("%+v", v)
	}
	patch(runs.ID, `{"priority":"high"}`, 409)
	for body, want := range map[string]int{`{}`: 422, `{"priority":""}`: 422, `{"priority":1}`: 422, `{"priority":"urgent"}`: 422, `{"priority":"low","model":"x"}`: 422, `{"priority":null}`: 422, `[]`: 400, ``: 400} {
		patch(first.ID, body, want)
	}
	if j, err := r.jobs.Get(t.Context(), first.ID); err != nil || j.Priority != jobs.Normal || j.Rev != 1 {
		t.Errorf("what was refused changed it: %+v %v", j, err)
	}
}
