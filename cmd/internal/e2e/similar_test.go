package e2e

import (
	"strings"
	"testing"
)

// asked is a job as the answer to a request shows it, which may be that of another prompt.
type askedJob struct {
	ID, Status string
	Request    struct{ Prompt string }
	Similar    *struct {
		Similarity float64
		Asked      string
	}
}

// TestPromptsThatAreAlikeByTheModelsOwnTextEncoder: a clip of nearly the same words is offered, and served to those who take it; what
// was changed since is not.
func TestPromptsThatAreAlikeByTheModelsOwnTextEncoder(t *testing.T) {
	const said, otherwise, another = "a big red circle moving right on a navy background", "big red circle, moving right, navy background", "a small white star bouncing slowly on a cream background"
	h := newHome(t, "process")
	h.wan21(need(t, bundle), "")
	s := h.serve(t)
	ask := func(prompt, more string, header ...string) (askedJob, string) {
		t.Helper()
		a := s.do(t, "POST", "/v1/models/wan21/generate", request(`"prompt":"`+prompt+`"`+more), append(header, "X-Client-Id", "ana")...)
		if a.status != 200 && a.status != 202 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		j := into[askedJob](t, a.body)
		if a.status == 202 {
			s.untilJob(t, j.ID, "completed")
		}
		return j, a.header.Get("Cache")
	}
	first, _ := ask(said, `,"seed":7`)
	type offer struct {
		Similar []struct {
			Similarity float64
			Job        askedJob
		}
	}
	alike := func(prompt, more string) offer {
		t.Helper()
		return into[offer](t, s.do(t, "POST", "/v1/models/wan21/similar", request(`"prompt":"`+prompt+`"`+more), "X-Client-Id", "ana").want(t, 200).body)
	}
	got := alike(otherwise, `,"seed":7`)
	if len(got.Similar) != 1 || got.Similar[0].Job.ID != first.ID || got.Similar[0].Similarity < 0.95 || got.Similar[0].Similarity >= 1 {
		t.Fatalf("%q is offered %+v", otherwise, got)
	}
	t.Logf("%q is alike by %.4f", otherwise, got.Similar[0].Similarity)
	if got := alike(another, `,"seed":7`); len(got.Similar) != 0 {
		t.Errorf("%q is offered %+v", another, got)
	}
	if j, cache := ask(otherwise, `,"seed":7`, "Prefer", "similar=0.95"); cache != "similar" || j.ID != first.ID || j.Similar == nil || j.Similar.Asked != otherwise || j.Request.Prompt != said {
		t.Errorf("%q gets %q: %+v", otherwise, cache, j)
	}
	if clip := s.do(t, "POST", "/v1/models/wan21/generate", request(`"prompt":"`+otherwise+`","seed":7`), "Prefer", "similar=0.95", "Accept", "video/mp4", "X-Client-Id", "ana").want(t, 200); clip.header.Get("Cache") != "similar" || !strings.Contains(string(clip.body[:min(64, len(clip.body))]), "ftyp") {
		t.Errorf("as a clip: %v", clip.header)
	}
	for name, c := range map[string][]string{
		"another thing":             {another, `,"seed":7`, "similar=0.95"},
		"nearer than it is":         {otherwise, `,"seed":7`, "similar=1"},
		"without a seed":            {otherwise, "", "similar=0.95"},
		"the same words, no seed":   {said, "", "cache"},
		"with another seed":         {otherwise, `,"seed":8`, "similar=0.95"},
		"who did not ask for it":    {otherwise + " ", `,"seed":7`, "cache"},
		"a setting that is another": {otherwise, `,"seed":7,"guidance_scale":3`, "similar=0.95"},
	} {
		if j, cache := ask(c[0], c[1], "Prefer", c[2]); cache == "hit" || cache == "similar" || j.ID == first.ID {
			t.Errorf("%s: %q", name, cache)
		}
	}
	if _, cache := ask(said, `,"seed":7`, "Prefer", "cache"); cache != "hit" {
		t.Errorf("the same request: %q", cache)
	}
	metrics := string(s.do(t, "GET", "/metrics", "").want(t, 200).body)
	says(t, metrics, "videosdgx_cache")
	// another bundle of the same name has clips of its own
	h.wan21(need(t, otherBundle), "")
	until(t, "the other bundle serves", func() bool {
		_, cache := ask(said, `,"seed":7`, "Prefer", "cache")
		return cache != "hit"
	})
	if j, cache := ask(otherwise, `,"seed":7`, "Prefer", "similar=0.95"); cache == "similar" && j.ID == first.ID {
		t.Errorf("another bundle's clip: %q", cache)
	}
}
