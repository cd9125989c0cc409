package rest

import (
	"context"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// changing are models whose identity the test changes.
type changing struct {
	all jobs.Models
	id  *string
}

func (c changing) Models(ctx context.Context) ([]jobs.Model, error) {
	all, err := c.all.Models(ctx)
	for i := range all {
		all[i].Identity = *c.id
	}
	return all, err
}

func (c changing) Model(ctx context.Context, name string) (jobs.Model, error) {
	m, err := c.all.Model(ctx, name)
	m.Identity = *c.id
	return m, err
}

func (r *rig) ask(body string, header ...string) (j jobView, cache string) {
	r.t.Helper()
	resp, b := r.do("POST", r.url+"/v1/models/wan21/generate", body, append(header, "Prefer", "wait=20, cache")...)
	if resp.StatusCode != 200 {
		r.t.Fatalf("%s %s", resp.Status, b)
	}
	return parse[jobView](r.t, b), resp.Header.Get("Cache")
}

func TestTheSameRequestIsAnsweredWithTheClipThatThereIs(t *testing.T) {
	id := "one"
	r := newRig(t, nil, func(_ *jobs.Config, d *jobs.Deps) { d.Models = changing{onlyModel(t), &id} })
	first, cache := r.ask(`{"prompt":"a kite","seed":7,"fps":16}`)
	if cache != "miss" {
		t.Errorf("the first request: %q", cache)
	}
	again, cache := r.ask(`{"seed":7,"prompt":"a kite","preview":true}`) // a default said or not, and no matter how it is watched
	if cache != "hit" || again.ID != first.ID || again.Status != jobs.Completed {
		t.Errorf("the same request: %q, job %s for %s", cache, again.ID, first.ID)
	}
	for _, other := range []string{`{"prompt":"a kite","seed":8}`, `{"prompt":"a kite","seed":7,"width":128}`, `{"prompt":"a Kite","seed":7}`} {
		if _, cache := r.ask(other); cache != "miss" {
			t.Errorf("%s: %q", other, cache)
		}
	}
	if j, cache := r.ask(`{"prompt":"a kite"}`); cache != "" || j.ID == first.ID {
		t.Errorf("without a seed: %q", cache)
	}
	resp, b := r.do("POST", r.url+"/v1/models/wan21/generate", `{"prompt":"a kite"}`, "Prefer", "cache=any", "Accept", "video/mp4")
	if resp.Header.Get("Cache") != "hit" || string(b) != "clip of a kite" {
		t.Errorf("with any seed: %v %s", resp.Header, b)
	}
	for _, header := range [][]string{{"Cache-Control", "no-cache"}, {"Idempotency-Key", "k"}} {
		if j, cache := r.ask(`{"prompt":"a kite","seed":7}`, header...); cache != "" || j.ID == first.ID {
			t.Errorf("%v: %q", header, cache)
		}
	}
	resp, b = r.do("POST", r.url+"/v1/models/wan21/generate", `{"prompt":"a kite","seed":7}`) // nobody asked for it
	if j := parse[jobView](t, b); resp.StatusCode != 202 || j.ID == first.ID {
		t.Errorf("unasked: %s %s", resp.Status, b)
	}
	st := r.jobs.KeptStats()
	if st.Hits != 2 || st.Misses != 4 || st.Entries == 0 {
		t.Errorf("%+v", st)
	}
}

// TestAClipIsNotUsedAgainOnceItsModelChanged: nor after it was removed.
func TestAClipIsNotUsedAgainOnceItsModelChanged(t *testing.T) {
	id := "one"
	r := newRig(t, nil, func(_ *jobs.Config, d *jobs.Deps) { d.Models = changing{onlyModel(t), &id} })
	first, _ := r.ask(`{"prompt":"a kite","seed":7}`)
	if _, cache := r.ask(`{"prompt":"a kite","seed":7}`); cache != "hit" {
		t.Fatal(cache)
	}
	id = "two"
	time.Sleep(300 * time.Millisecond) // what is known of models is a moment old
	if j, cache := r.ask(`{"prompt":"a kite","seed":7}`); cache != "miss" || j.ID == first.ID {
		t.Errorf("with another bundle: %q", cache)
	}
	j, cache := r.ask(`{"prompt":"a kite","seed":7}`)
	if cache != "hit" {
		t.Error(cache)
	}
	r.do("DELETE", r.url+"/v1/jobs/"+j.ID+"?purge=true", "")
	if _, cache := r.ask(`{"prompt":"a kite","seed":7}`); cache != "miss" {
		t.Errorf("after it was deleted: %q", cache)
	}
}
