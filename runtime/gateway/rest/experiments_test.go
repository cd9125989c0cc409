package rest

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/experiments"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// comparing serves a rig with experiments; what is promoted comes to the list.
func comparing(r *rig, fails error) *[]string {
	r.t.Helper()
	store, err := experiments.Open(r.t.TempDir())
	if err != nil {
		r.t.Fatal(err)
	}
	promoted := &[]string{}
	api := New(Options{Jobs: r.jobs, Models: jobstest.Models{"wan21": {Name: "wan21", Function: "wan21", Concurrency: 1}, "ltx2": {Name: "ltx2", Function: "ltx2", Concurrency: 1}}, Experiments: store,
		Promote: func(_ context.Context, function, alias, version string) error {
			*promoted = append(*promoted, function+":"+alias+"="+version)
			return fails
		}})
	s := httptest.NewServer(gateway.New(gateway.Options{Routes: []gateway.Routes{api}}).Handler())
	r.t.Cleanup(s.Close)
	r.url = s.URL
	return promoted
}

const versions = `{"name":"ab","arms":[{"model":"wan21","version":"1"},{"model":"wan21","version":"2"}],"criterion":{"votes":5},"promote":{"function":"wan21","alias":"live"}}`

func TestAnExperimentIsBlindAndPromotesItsWinner(t *testing.T) {
	asked := make(chan spec.Invocation, 100)
	r := newRig(t, nil, func(_ *jobs.Config, d *jobs.Deps) { d.Runner = runs(asked) })
	promoted := comparing(r, nil)
	if resp, b := r.do("GET", r.url+"/openapi.json", ""); resp.StatusCode != 200 || !strings.Contains(string(b), "/v1/experiments/{name}/pairs/{pair}/vote") {
		t.Errorf("the document: %s", resp.Status)
	}
	if resp, b := r.do("POST", r.url+"/v1/experiments", versions); resp.StatusCode != 201 {
		t.Fatalf("%s %s", resp.Status, b)
	}
	for i := range 12 {
		resp, b := r.do("POST", r.url+"/v1/experiments/ab/pairs", `{"prompt":"a kite"}`)
		p := parse[pairView](t, b)
		if resp.StatusCode != 202 || p.Left.Model != "" || strings.Contains(string(p.Request), `"model"`) {
			t.Fatalf("%s %s", resp.Status, b)
		}
		one, two := <-asked, <-asked
		if one.Qualifier == two.Qualifier || seedOf(t, one) != seedOf(t, two) {
			t.Fatalf("the arms were asked for %s and %s with seeds %s and %s", one.Qualifier, two.Qualifier, seedOf(t, one), seedOf(t, two))
		}
		better := sideOf(r, p, "made by 2")
		resp, b = r.do("POST", r.url+"/v1/experiments/ab/pairs/"+p.ID+"/vote", `{"choice":"`+better+`"}`)
		e := parse[experimentView](t, b)
		if resp.StatusCode != 200 || e.Score.Votes[1] != i+1 {
			t.Fatalf("%s %s", resp.Status, b)
		}
		_, b = r.do("GET", r.url+"/v1/experiments/ab/pairs", "")
		if v := parse[pairList](t, b).Pairs[0]; v.Choice != better || v.Left.Version == v.Right.Version {
			t.Errorf("after the vote: %s", b)
		}
		if e.Winner != nil {
			if *e.Winner != 1 || e.Promoted.IsZero() || len(*promoted) != 1 || (*promoted)[0] != "wan21:live=2" {
				t.Errorf("%s, %v", b, *promoted)
			}
			r.problem(409, "POST", "/v1/experiments/ab/pairs/"+p.ID+"/vote", `{"choice":"tie"}`)
			return
		}
	}
	t.Error("twelve votes for one arm decide nothing")
}

// runs answers with a clip that says which version made it.
func runs(asked chan<- spec.Invocation) runner {
	return func(_ context.Context, inv spec.Invocation) (*spec.Result, error) {
		asked <- inv
		return jobstest.Stream(200, "video/mp4", []byte("made by "+inv.Qualifier)), nil
	}
}

type runner func(context.Context, spec.Invocation) (*spec.Result, error)

func (f runner) Invoke(ctx context.Context, inv spec.Invocation) (*spec.Result, error) {
	return f(ctx, inv)
}

func seedOf(t *testing.T, inv spec.Invocation) string {
	t.Helper()
	_, rest, ok := strings.Cut(string(inv.Payload), `seed\":`)
	if !ok {
		t.Fatalf("no seed in %s", inv.Payload)
	}
	return rest[:strings.IndexAny(rest, ",}")]
}

// sideOf waits for both clips, and finds the one with a text.
func sideOf(r *rig, p pairView, text string) string {
	r.t.Helper()
	for _, side := range []string{"left", "right"} {
		for {
			resp, b := r.do("GET", r.url+"/v1/experiments/ab/pairs/"+p.ID+"/"+side, "")
			if resp.StatusCode == http.StatusConflict {
				continue // not made yet
			}
			if string(b) == text {
				return side
			}
			break
		}
	}
	r.t.Fatal("neither side is " + text)
	return ""
}

func TestExperimentsAreHeldToWhatWillDo(t *testing.T) {
	r := newRig(t, nil)
	comparing(r, errors.New("no such version"))
	for body, status := range map[string]int{
		`{`: 400, `{"name":"x","other":1}`: 400, `{"name":"x","arms":[{"model":"wan21"}]}`: 400, `{"name":"x","arms":[{"model":"wan21"},{"model":"none"}]}`: 404,
		`{"name":"x","arms":[{"model":"wan21"},{"model":"wan21"}]}`: 400, `{"name":"X","arms":[{"model":"wan21"},{"model":"ltx2"}]}`: 400,
	} {
		r.problem(status, "POST", "/v1/experiments", body)
	}
	if p := r.problem(400, "POST", "/v1/experiments", `{"name":"x","arms":[{"model":"wan21"},{"model":"ltx2","Model":"wan21"}]}`); p.Errors[0].Pointer != "#/arms/1/Model" || !strings.Contains(p.Detail, "more than once") {
		t.Errorf("%+v", p)
	}
	r.do("POST", r.url+"/v1/experiments", `{"name":"two","arms":[{"model":"wan21"},{"model":"ltx2"}]}`)
	r.problem(409, "POST", "/v1/experiments", `{"name":"two","arms":[{"model":"wan21"},{"model":"ltx2"}]}`)
	r.problem(422, "POST", "/v1/experiments/two/pairs", `{"prompt":""}`)
	r.problem(404, "POST", "/v1/experiments/none/pairs", `{"prompt":"a"}`)
	r.problem(404, "POST", "/v1/experiments/two/pairs/none/vote", `{"choice":"left"}`)
	r.problem(404, "GET", "/v1/experiments/none", "")
	if resp, _ := r.do("DELETE", r.url+"/v1/experiments/two", ""); resp.StatusCode != 204 {
		t.Error(resp.Status)
	}
	r.problem(404, "GET", "/v1/experiments/two", "")

	r.do("POST", r.url+"/v1/experiments", strings.Replace(versions, `"votes":5`, `"votes":1,"confidence":0.5`, 1))
	_, b := r.do("POST", r.url+"/v1/experiments/ab/pairs", `{"prompt":"a kite"}`)
	_, b = r.do("POST", r.url+"/v1/experiments/ab/pairs/"+parse[pairView](t, b).ID+"/vote", `{"choice":"left"}`)
	if e := parse[experimentView](t, b); e.Winner == nil || !strings.Contains(e.Failure, "no such version") {
		t.Errorf("a promotion that fails: %s", b)
	}
}

// Where there is room for one job and not for two, nobody waits for a clip that has nothing to be compared with.
func TestHalfAPairIsCancelled(t *testing.T) {
	began := make(chan bool, 1)
	r := newRig(t, func(ctx context.Context, _ jobstest.Call) (*spec.Result, error) {
		began <- true
		return jobstest.Block(ctx)
	}, func(c *jobs.Config, _ *jobs.Deps) { c.MaxQueued = 1 })
	comparing(r, nil)
	if resp, b := r.do("POST", r.url+"/v1/experiments", versions); resp.StatusCode != 201 {
		t.Fatalf("%s %s", resp.Status, b)
	}
	r.generate(`{"prompt":"one that runs"}`)
	<-began
	r.problem(429, "POST", "/v1/experiments/ab/pairs", `{"prompt":"a kite"}`)
	_, b := r.do("GET", r.url+"/v1/jobs", "")
	states := map[jobs.State]int{}
	for _, j := range parse[jobList](t, b).Jobs {
		states[j.Status]++
	}
	if states[jobs.Queued] != 0 || states[jobs.Cancelled] != 1 || states[jobs.Running] != 1 {
		t.Errorf("%v", states)
	}
}

// TestAPromotionIsTriedAgain: nobody can vote any more when an experiment is decided, so what failed then has a way of its own.
func TestAPromotionIsTriedAgain(t *testing.T) {
	asked := make(chan spec.Invocation, 100)
	r := newRig(t, nil, func(_ *jobs.Config, d *jobs.Deps) { d.Runner = runs(asked) })
	promoted := comparing(r, errors.New("the disk is full"))
	r.problem(404, "POST", "/v1/experiments/ab/promote", "")
	for _, body := range []string{versions, strings.Replace(strings.Replace(versions, `"ab"`, `"none"`, 1), `,"promote":{"function":"wan21","alias":"live"}`, "", 1)} {
		if resp, b := r.do("POST", r.url+"/v1/experiments", body); resp.StatusCode != 201 {
			t.Fatalf("%s %s", resp.Status, b)
		}
	}
	r.problem(409, "POST", "/v1/experiments/none/promote", "")
	r.problem(409, "POST", "/v1/experiments/ab/promote", "")
	for {
		_, b := r.do("POST", r.url+"/v1/experiments/ab/pairs", `{"prompt":"a kite"}`)
		p := parse[pairView](t, b)
		if _, b = r.do("POST", r.url+"/v1/experiments/ab/pairs/"+p.ID+"/vote", `{"choice":"`+sideOf(r, p, "made by 2")+`"}`); parse[experimentView](t, b).Winner != nil {
			break
		}
	}
	r.problem(409, "POST", "/v1/experiments/ab/promote", "")
	if _, b := r.do("GET", r.url+"/v1/experiments/ab", ""); len(*promoted) != 2 || !strings.Contains(string(b), "the disk is full") {
		t.Errorf("%v, %s", *promoted, b)
	}
}
