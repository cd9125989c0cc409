package rest

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Models that make pictures: with sound that can be had alone, without any and why, without a word of it; and one of whatever kind.
const (
	heard   = `{"type":"object","required":["prompt"],"additionalProperties":false,"properties":{"prompt":{"type":"string"},"num_frames":{"type":"integer"},"output":{"enum":["json","mp4","wav"]}}}`
	unheard = `{"type":"object","required":["prompt"],"additionalProperties":false,"x-absent":{"output":"this checkpoint is silent"},"properties":{"prompt":{"type":"string"},"num_frames":{"type":"integer"}}}`
	plain   = `{"type":"object","required":["prompt"],"additionalProperties":false,"properties":{"prompt":{"type":"string"},"num_frames":{"type":"integer"}}}`
	other   = `{"type":"object","required":["prompt"],"additionalProperties":false,"properties":{"prompt":{"type":"string"}}}`
)

// count is how many jobs there are.
func (r *rig) count() int {
	r.t.Helper()
	_, b := r.do("GET", r.url+"/v1/jobs?limit=100", "")
	var list jobList
	if err := json.Unmarshal(b, &list); err != nil {
		r.t.Fatalf("%s: %v", b, err)
	}
	return len(list.Jobs)
}

// made answers as a model does: with sound where the request asks for it, else with pictures.
func made(_ context.Context, c jobstest.Call) (*spec.Result, error) {
	if strings.Contains(c.Event.Body, "wav") {
		return jobstest.Stream(200, "audio/wav", []byte("sound")), nil
	}
	return jobstest.Stream(200, "video/mp4", []byte("clip")), nil
}

// TestWhatAcceptTakesNothingOf: it is refused with what there is before a job is made; what can be had is made and sent.
func TestWhatAcceptTakesNothingOf(t *testing.T) {
	r := newRig(t, made, func(_ *jobs.Config, d *jobs.Deps) {
		d.Models = jobstest.Models{}
		for name, schema := range map[string]string{"heard": heard, "unheard": unheard, "plain": plain, "other": other} {
			d.Models.(jobstest.Models)[name] = jobs.Model{Name: name, Function: name, Concurrency: 1, Instances: 1, Schema: []byte(schema)}
		}
	})
	const refused = "there is nothing of what Accept asks for"
	for _, c := range []struct{ model, accept, body, want string }{
		{"heard", "audio/wav", `{"prompt":"x"}`, "audio/wav"}, {"heard", "audio/*", `{"prompt":"x","output":"wav"}`, "audio/wav"}, {"heard", "audio/wav, */*;q=0.1", `{"prompt":"x"}`, "audio/wav"},
		{"heard", "video/mp4", `{"prompt":"x"}`, "video/mp4"}, {"heard", "*/*", `{"prompt":"x"}`, "application/json"}, {"heard", "", `{"prompt":"x","output":"wav"}`, "application/json"},
		{"heard", "image/png", `{"prompt":"x"}`, "video/mp4 (its clip) or audio/wav (its sound alone) would do"}, {"heard", "audio/wav", `{"prompt":"x","output":"mp4"}`, "application/json (the job) or video/mp4 (its clip) would do"},
		{"heard", "video/mp4", `{"prompt":"x","output":"wav"}`, "output is wav: application/json (the job) or audio/wav (its sound) would do"},
		{"unheard", "audio/wav", `{"prompt":"x"}`, "this checkpoint is silent: application/json (the job) or video/mp4 (its clip) would do"}, {"unheard", "audio/wav, video/*", `{"prompt":"x"}`, "video/mp4"},
		{"plain", "audio/*", `{"prompt":"x"}`, "this model makes no sound that can be had alone: application/json"}, {"plain", "text/html", `{"prompt":"x"}`, "(text/html): application/json (the job) or video/mp4"},
		{"plain", "application/json;q=0", `{"prompt":"x"}`, "application/json (the job)"}, {"plain", "text/html, application/json;q=0.1", `{"prompt":"x"}`, "application/json"},
		{"other", "text/html", `{"prompt":"x"}`, "application/json"}, {"other", "video/mp4", `{"prompt":"x"}`, "video/mp4"}, {"other", "audio/wav", `{"prompt":"wav"}`, "audio/wav"}, {"other", "video/mp4", `{"prompt":"wav"}`, "audio/wav"},
	} {
		before := r.count()
		resp, b := r.do("POST", r.url+"/v1/models/"+c.model+"/generate", c.body, "Accept", c.accept, "Prefer", "wait=20")
		got, jobsMade := resp.Header.Get("Content-Type"), r.count()-before
		if strings.Contains(c.want, " ") {
			if resp.StatusCode != 406 || !strings.Contains(string(b), refused) || !strings.Contains(string(b), c.want) || !strings.Contains(string(b), "/problems/not-acceptable") || jobsMade != 0 {
				t.Errorf("%s, Accept: %s, %s: %s, %d jobs made: %s", c.model, c.accept, c.body, resp.Status, jobsMade, b)
			}
		} else if resp.StatusCode != 200 || got != c.want || jobsMade != 1 {
			t.Errorf("%s, Accept: %s, %s: %s %s, %d jobs made: %s", c.model, c.accept, c.body, resp.Status, got, jobsMade, b)
		}
	}
}

// TestAFileIsNotSentToWhoTakesNoneOfItsKind, nor kept from who takes it.
func TestAFileIsNotSentToWhoTakesNoneOfItsKind(t *testing.T) {
	r := newRig(t, nil)
	j := r.generate(`{"prompt":"x"}`, "Prefer", "wait=20")
	for accept, want := range map[string]int{"": 200, "*/*": 200, "video/*": 200, "video/webm, video/*;q=0.9": 200, "video/mp4": 200, "audio/wav": 406, "application/json": 406, "video/mp4;q=0, */*": 406} {
		for _, method := range []string{"GET", "HEAD"} {
			resp, b := r.do(method, r.url+j.Links.Download, "", "Accept", accept)
			if resp.StatusCode != want || want == 406 && method == "GET" && !strings.Contains(string(b), "video/mp4 would do: that is what the file is") {
				t.Errorf("%s, Accept: %s: %s %s", method, accept, resp.Status, b)
			}
		}
	}
}
