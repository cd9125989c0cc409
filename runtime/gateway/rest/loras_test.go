package rest

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
)

// A request whose LoRAs cannot be is refused before there is a job, by every way to one; a function that takes no loras is not asked.
func TestLoRAsThatCannotBeMakeNoJob(t *testing.T) {
	r := newRig(t, nil)
	schema := json.RawMessage(`{"type":"object","required":["prompt"],"properties":{"prompt":{"type":"string"},"loras":{"type":"array","items":{"type":"object","properties":{"name":{"type":"string"}}}}}}`)
	asked := 0
	api := New(Options{Jobs: r.jobs, Models: jobstest.Models{"wan21": {Name: "wan21", Function: "wan-fn", Concurrency: 1, Schema: schema}}, CheckLoRAs: func(_ context.Context, function string, list any) (string, error) {
		if asked++; function != "wan-fn" {
			t.Errorf("asked of %s", function)
		}
		if l, ok := list.([]any); ok && strings.Contains(show(l[0]), "none") {
			return `loras[0]: there is no LoRA "none": none are there`, nil
		}
		return "", nil
	}})
	s := httptest.NewServer(gateway.New(gateway.Options{Routes: []gateway.Routes{api}}).Handler())
	t.Cleanup(s.Close)
	r.url = s.URL
	for path, body := range map[string]string{
		"/v1/models/wan21/generate": `{"prompt":"x","loras":[{"name":"none"}]}`,
		"/v1/models/wan21/batch":    `{"prompts":["x","y"],"loras":[{"name":"none"}]}`,
	} {
		p := r.problem(422, "POST", path, body)
		if len(p.Errors) == 0 || !strings.HasSuffix(p.Errors[0].Pointer, "loras") || !strings.Contains(p.Errors[0].Detail, `there is no LoRA "none"`) {
			t.Errorf("%s: %+v", path, p)
		}
	}
	if _, b := r.do("GET", r.url+"/v1/jobs", ""); len(parse[jobList](t, b).Jobs) != 0 {
		t.Errorf("there are jobs: %s", b)
	}
	if j := r.generate(`{"prompt":"x","loras":[{"name":"style"}]}`, "Prefer", "wait=20"); j.Status != jobs.Completed {
		t.Errorf("%+v", j)
	}
	asked = 0
	for _, body := range []string{`{"prompt":"x"}`, `{"prompt":"x","loras":[]}`, `{"prompt":"x","loras":[{"name":"none"}],"version":"7"}`} {
		r.generate(body)
	}
	if asked != 0 {
		t.Error("asked of LoRAs where there are none, or of a version that is as it was")
	}
}
