package rest

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// worded gives prompts as shares of the words kite, boat and red.
func worded(_ context.Context, c jobstest.Call) (*spec.Result, error) {
	if c.Event.RawPath != "/embed" {
		return jobstest.Stream(200, "video/mp4", jobstest.Clip(c.Request)), nil
	}
	var ask struct{ Prompts []string }
	if err := json.Unmarshal([]byte(c.Event.Body), &ask); err != nil {
		return nil, err
	}
	var all [][]byte
	for _, text := range ask.Prompts {
		v := [3]float64{float64(strings.Count(text, "kite")), float64(strings.Count(text, "boat")), 0.2 * float64(strings.Count(text, "red"))}
		var b []byte
		for _, x := range v {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(x/math.Sqrt(v[0]*v[0]+v[1]*v[1]+v[2]*v[2]))))
		}
		all = append(all, b)
	}
	b, err := json.Marshal(map[string]any{"vectors": all})
	return jobstest.Stream(200, "application/json", b), err
}

func TestASimilarRequestIsAnsweredWhereTheClientTakesThat(t *testing.T) {
	id := "one"
	r := newRig(t, worded, func(_ *jobs.Config, d *jobs.Deps) { d.Models = changing{onlyModel(t), &id} })
	first, _ := r.ask(`{"prompt":"a kite","seed":7}`)
	ask := func(body string, header ...string) (jobView, string, string) {
		t.Helper()
		resp, b := r.do("POST", r.url+"/v1/models/wan21/generate", body, header...)
		if resp.StatusCode != 200 && resp.StatusCode != 202 {
			t.Fatalf("%s %s", resp.Status, b)
		}
		return parse[jobView](t, b), resp.Header.Get("Cache"), resp.Header.Get("Preference-Applied")
	}
	got, cache, applied := ask(`{"prompt":"a red kite","seed":7}`, "Prefer", "similar=0.95")
	if got.ID != first.ID || cache != "similar" || !strings.HasPrefix(applied, "similar=0.98") || got.Similar == nil || got.Similar.Asked != "a red kite" || asked(got).Prompt != "a kite" {
		t.Fatalf("%q, %q, %+v", cache, applied, got)
	}
	for _, q := range [][]string{
		{"nearer than it is", `{"prompt":"a red kite","seed":7}`, "Prefer", "similar=0.99"},
		{"another thing", `{"prompt":"a boat","seed":7}`, "Prefer", "similar"},
		{"below the server's own", `{"prompt":"a kite, a boat","seed":7}`, "Prefer", "similar=0.5"},
		{"another seed", `{"prompt":"a kite of red","seed":8}`, "Prefer", "similar"},
		{"another setting", `{"prompt":"a kite of red","seed":7,"width":128}`, "Prefer", "similar"},
		{"exactly alone", `{"prompt":"a kite of red","seed":7}`, "Prefer", "cache"},
		{"no seed", `{"prompt":"a kite of red"}`, "Prefer", "similar"},
		{"no number", `{"prompt":"a kite of red","seed":7}`, "Prefer", "similar=much"},
		{"nothing kept", `{"prompt":"a kite of red","seed":7}`, "Prefer", "similar", "Cache-Control", "no-cache"},
	} {
		if j, cache, _ := ask(q[1], q[2:]...); cache == "similar" || cache == "hit" || j.ID == first.ID {
			t.Errorf("%s: %q", q[0], cache)
		}
	}
	if j, cache, _ := ask(`{"prompt":"a kite","seed":7}`, "Prefer", "similar"); cache != "hit" || j.ID != first.ID || j.Similar != nil {
		t.Errorf("the same request: %q %+v", cache, j.Similar)
	}
	if _, cache, _ := ask(`{"prompt":"red kite"}`, "Prefer", "similar, cache=any"); cache != "similar" {
		t.Errorf("any seed: %q", cache)
	}
	resp, b := r.do("POST", r.url+"/v1/models/wan21/generate", `{"prompt":"a red kite","seed":7,"fps":8}`, "Prefer", "wait=20")
	if resp.StatusCode != 200 {
		t.Fatalf("%s %s", resp.Status, b)
	}
	resp, b = r.do("POST", r.url+"/v1/models/wan21/generate", `{"prompt":"a kite","seed":7,"fps":8}`, "Prefer", "similar", "Accept", "video/mp4")
	if resp.Header.Get("Cache") != "similar" || string(b) != "clip of a red kite" {
		t.Errorf("as a clip: %v %s", resp.Header, b)
	}
	st := r.jobs.KeptStats()
	if st.Similar != 3 || st.Hits != 1 || st.ServedBytes == 0 || st.Vectors == 0 {
		t.Errorf("%+v", st)
	}
	_, b = r.do("GET", r.url+"/v1/models/wan21/metrics", "")
	if strings.Contains(string(b), "cache") {
		t.Errorf("the cache is the server's, not a model's: %s", b)
	}
}

func TestSimilarClipsAreOffered(t *testing.T) {
	id := "one"
	r := newRig(t, worded, func(_ *jobs.Config, d *jobs.Deps) { d.Models = changing{onlyModel(t), &id} })
	first, _ := r.ask(`{"prompt":"a kite","seed":7}`)
	offered := func(body string) similarList {
		t.Helper()
		resp, b := r.do("POST", r.url+"/v1/models/wan21/similar", body)
		if resp.StatusCode != 200 {
			t.Fatalf("%s %s", resp.Status, b)
		}
		return parse[similarList](t, b)
	}
	if got := offered(`{"prompt":"a red kite","seed":7}`).Similar; len(got) != 1 || got[0].Job.ID != first.ID || got[0].Similarity < 0.98 || got[0].Similarity >= 1 {
		t.Errorf("%+v", got)
	}
	if got := offered(`{"prompt":"a kite","seed":7}`).Similar; len(got) != 1 || got[0].Similarity != 1 || got[0].Job.ID != first.ID {
		t.Errorf("the same request: %+v", got)
	}
	if got := offered(`{"prompt":"a red kite"}`).Similar; len(got) != 1 {
		t.Errorf("of any seed: %+v", got)
	}
	if got := offered(`{"prompt":"a boat","seed":7}`).Similar; got == nil || len(got) != 0 {
		t.Errorf("%+v", got)
	}
	if st := r.jobs.KeptStats(); st.Similar != 0 || st.ServedBytes != 0 {
		t.Errorf("an offer counts as a hit: %+v", st)
	}
	if all, err := r.jobs.List(t.Context(), jobs.Filter{}); err != nil || len(all) != 1 {
		t.Errorf("%d jobs, %v", len(all), err)
	}
}
