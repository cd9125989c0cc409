package rest

import (
	"encoding/json"
	"flag"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/jobs/sqlite"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, file string, v any) {
	t.Helper()
	got, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Fatalf("%s (-want +got):\n%s", file, d)
	}
}

// documented is the document of a server with one model, which publishes no schema.
func documented() map[string]any {
	return New(Options{Models: jobstest.Models{}}).wholeDocument([]jobs.Model{{Name: "wan21"}})
}

func TestOpenAPIGolden(t *testing.T) { golden(t, "testdata/openapi.json", documented()) }

// TestOpenAPIIsWhole holds the document to itself and to the code: every reference resolves, every operation has an id of
// its own, and every field that decode.go reads is documented and the other way round.
func TestOpenAPIIsWhole(t *testing.T) {
	doc := asJSON(t, documented())
	defs := doc["components"].(map[string]any)["schemas"].(map[string]any)
	ids := map[string]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok && defs[strings.TrimPrefix(ref, "#/components/schemas/")] == nil {
				t.Errorf("%s leads nowhere", ref)
			}
			if id, ok := v["operationId"].(string); ok {
				if ids[id] {
					t.Errorf("operation %s twice", id)
				}
				ids[id] = true
			}
			for _, c := range v {
				walk(c)
			}
		case []any:
			for _, c := range v {
				walk(c)
			}
		}
	}
	walk(doc)
	if want := len(perModel()) + len(global()) + 1; len(ids) != want { // and the webhook
		t.Errorf("%d operations documented, %d served", len(ids), want)
	}
	fields := defs["wan21_Request"].(map[string]any)["properties"].(map[string]any)
	for name := range fields {
		if strings.HasPrefix(name, "x-") || at(fields[name], "type") == nil && at(fields[name], "enum") == nil {
			t.Errorf("%s: %v", name, fields[name])
		}
	}
	if len(fields) != 17 {
		t.Errorf("%d fields documented, 11 of the model and 6 settings are read", len(fields))
	}
}

func asJSON(t *testing.T, v any) map[string]any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return parse[map[string]any](t, b)
}

// TestOwnPortsDocument has the paths that the port serves, and no others.
func TestOwnPortsDocument(t *testing.T) {
	r := newRig(t, nil)
	resp, b := r.do("GET", r.port+"/openapi.json", "")
	paths := parse[map[string]any](t, b)["paths"].(map[string]any)
	if resp.StatusCode != 200 || paths["/generate"] == nil || paths["/jobs/{id}/download"] == nil || paths["/openapi.json"] == nil {
		t.Fatalf("%s %v", resp.Status, paths)
	}
	for path := range paths {
		if strings.HasPrefix(path, "/v1/") {
			t.Errorf("%s is not served there", path)
		}
	}
}

// TestAnswersAreAsDocumented holds what the server answers to the document: statuses, media types and schemas. The
// examples go in as they are.
func TestAnswersAreAsDocumented(t *testing.T) {
	r := newRig(t, nil)
	_, b := r.do("GET", r.url+"/openapi.json", "")
	d := contract{t, parse[map[string]any](t, b)}
	generate, batch := d.example("generate"), d.example("batch")
	call := func(op string, status int, method, path, body string, header ...string) []byte {
		t.Helper()
		resp, b := r.do(method, r.url+path, body, header...)
		if resp.StatusCode != status {
			t.Errorf("%s: %s, want %d: %s", op, resp.Status, status, b)
		}
		d.holds(op, resp.StatusCode, resp.Header.Get("Content-Type"), b)
		return b
	}
	const base = "/v1/models/wan21"
	done := parse[jobView](t, call("generate", 200, "POST", base+"/generate", generate, "Prefer", "wait=20"))
	call("generate", 202, "POST", base+"/generate", generate)
	call("generate", 200, "POST", base+"/generate", generate, "Prefer", "wait=20", "Accept", "video/mp4")
	call("generate", 422, "POST", base+"/generate", `{"prompt":"","width":-1}`)
	call("generate", 400, "POST", base+"/generate", `{"prompt":`)
	call("generate", 404, "POST", "/v1/models/none/generate", generate)
	call("batch", 202, "POST", base+"/batch", batch)
	call("similar", 200, "POST", base+"/similar", d.example("similar"))
	call("similar", 422, "POST", base+"/similar", `{"prompt":""}`)
	for _, op := range []struct{ one, all, path string }{{"getModelJob", "listModelJobs", base}, {"getJob", "listJobs", "/v1"}} {
		call(op.one, 200, "GET", op.path+"/jobs/"+done.ID, "")
		call(op.one, 404, "GET", op.path+"/jobs/none", "")
		call(op.all, 200, "GET", op.path+"/jobs?limit=2", "")
		call(op.all, 400, "GET", op.path+"/jobs?limit=0", "")
	}
	call("watchJob", 200, "GET", "/v1/jobs/"+done.ID+"/events", "")
	call("downloadJob", 200, "GET", "/v1/jobs/"+done.ID+"/download", "")
	call("downloadJob", 206, "GET", "/v1/jobs/"+done.ID+"/download", "", "Range", "bytes=1-2")
	call("cancelJob", 409, "DELETE", "/v1/jobs/"+done.ID, "")
	call("changeJob", 409, "PATCH", "/v1/jobs/"+done.ID, d.example("changeJob"))
	call("changeJob", 422, "PATCH", "/v1/jobs/"+done.ID, `{"priority":"urgent"}`)
	call("changeModelJob", 404, "PATCH", base+"/jobs/none", d.example("changeModelJob"))
	call("retryJob", 409, "POST", "/v1/jobs/"+done.ID+"/retry", "")
	call("cancelJob", 204, "DELETE", "/v1/jobs/"+done.ID+"?purge=true", "")
	call("health", 200, "GET", base+"/health", "")
	call("ready", 200, "GET", base+"/ready", "")
	call("ready", 503, "GET", "/v1/models/ltx2/ready", "")
	call("info", 200, "GET", base+"/info", "")
	call("metrics", 200, "GET", base+"/metrics", "")
	call("metrics", 200, "GET", base+"/metrics", "", "Accept", "text/plain")
	call("metrics", 200, "GET", "/v1/models/ltx2/metrics", "")
	call("listLoras", 200, "GET", "/v1/loras", "")
	call("listModels", 200, "GET", "/v1/models", "")
	call("openapi", 200, "GET", "/openapi.json", "")
}

// TestWireGolden holds the JSON forms still.
func TestWireGolden(t *testing.T) {
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	eta := 1.5
	hook := jobs.Hook{URL: "https://user:password@example.org/a?key=secret#x", Due: at, Attempts: 1, Error: "attempt 1: it answered 500"}
	golden(t, "testdata/wire.json", map[string]any{
		"job": jobView{
			ID: "0194f0a0-0000-7000-8000-000000000000", Model: "wan21", Status: jobs.Running, Reason: "r", Priority: jobs.High, Client: "c", Batch: "b",
			Created: at, Started: at, Finished: at, Deadline: at, Seconds: 2.5, Position: 3, ETA: &eta, Attempts: 1, MaxAttempts: 3, Interruptions: 1,
			Progress: &spec.Progress{Phase: "denoise", Step: 3, Steps: 20, Seconds: 1.25}, Request: json.RawMessage(`{"prompt":"p","seed":7}`),
			Result: &resultView{9, "ab", "video/mp4", true, []pieceView{{"sound", 3, "cd", "audio/wav"}}}, Error: &jobs.Problem{Kind: "function", Detail: "D.", Status: 500, Retryable: true},
			Webhook: hookOf(jobs.Job{Hook: &hook}), Links: links{"/s", "/e", "/d", "/l"},
		},
		"bare":    jobView{Created: at, Request: json.RawMessage("{}")},
		"list":    jobList{Jobs: []jobView{}, Next: "n"},
		"metrics": metricsView{Model: "wan21", Last: []jobs.Last{{ID: "i", State: jobs.Completed, Seconds: 2, Finished: at}}, LastUse: &at, TimeToUnload: &eta},
		"info":    infoOf(jobs.Model{Name: "wan21", Function: "f", Info: json.RawMessage(`{"a":1}`), Schema: json.RawMessage(`{"type":"object"}`)}),
		"ready":   readyView{true, "wan21", "loaded", ""},
		"problem": func() problem {
			lo, hi := 1.0, 10.0
			p, _ := explain(&jobs.InvalidError{Fields: []jobs.FieldError{{Field: "fps", Detail: "fps is 0.", Min: &lo, Max: &hi}}})
			return p
		}(),
	})
}

func TestPrefer(t *testing.T) {
	for in, want := range map[string]time.Duration{"wait=5": 5 * time.Second, `respond-async, wait="7"`: 7 * time.Second, "WAIT = 3": 3 * time.Second,
		"wait=99999": time.Minute, "wait=99999999999999999999": time.Minute, "wait=-1": 0, "wait": 0, "wait=+3": 0, `x="a, wait=9", wait=4`: 4 * time.Second, `x="\", wait=9;", wait=4;y`: 4 * time.Second, "respond-async": 0, "": 0, "handling=lenient": 0} {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("Prefer", in)
		if got := waitFor(r, time.Minute); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// TestWhatCannotBePreferredIsNamed: it changes nothing else, and nothing is said to be applied that was not.
func TestWhatCannotBePreferredIsNamed(t *testing.T) {
	r := newRig(t, nil)
	for prefer, want := range map[string]string{
		"wait=soon": `wait is "soon"`, "wait": "wait=60", "wait=-1": "wait=60", "similar=2": "similar=0.95", "cache=maybe": "cache=any",
		"handling=lenient": "", "respond-async": "", "foo=bar, wait=20": "", "": "",
	} {
		resp, b := r.do("POST", r.url+"/v1/models/wan21/generate", `{"prompt":"x"}`, "Prefer", prefer)
		j := parse[jobView](t, b)
		if resp.StatusCode/100 != 2 || (len(j.Notes) > 0) != (want != "") || len(j.Notes) > 0 && !strings.Contains(j.Notes[0], want) {
			t.Errorf("%q: %d, %q", prefer, resp.StatusCode, j.Notes)
		}
		if applied := resp.Header.Get("Preference-Applied"); (applied != "") != (strings.HasSuffix(prefer, "wait=20") || prefer == "respond-async") {
			t.Errorf("%q: applied %q", prefer, applied)
		}
		_, b = r.do("GET", r.url+"/v1/jobs/"+j.ID, "", "Prefer", prefer)
		if got := parse[jobView](t, b); len(got.Notes) != len(j.Notes) {
			t.Errorf("%q: %q", prefer, got.Notes)
		}
	}
}

// TestAFormIsDocumented: /generate takes one, and files lie in parts of their own.
func TestAFormIsDocumented(t *testing.T) {
	r := newRig(t, nil)
	_, b := r.do("GET", r.url+"/openapi.json", "")
	var doc struct {
		Paths map[string]map[string]struct {
			RequestBody struct {
				Content map[string]struct {
					Schema struct{ Properties map[string]any }
				}
			}
		}
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	for path, forms := range map[string]bool{"/v1/models/{model}/generate": true, "/v1/models/{model}/similar": true, "/v1/models/{model}/batch": false} {
		content := doc.Paths[path]["post"].RequestBody.Content
		form, there := content["multipart/form-data"]
		if _, plain := content["application/json"]; there != forms || !plain || forms && form.Schema.Properties["request"] == nil {
			t.Errorf("%s: %+v", path, content)
		}
	}
}

func FuzzSubmission(f *testing.F) {
	for _, s := range []string{`{"prompt":"x"}`, `{"width":1e99,"seed":-0.5,"priority":3}`, `{"a/b":1,"~":2}`, `null`, `{"image":"data:,x"}`, "{\"\xff\":1}", `{"fps":null}`,
		`{"prompts":["a"],"seed":1}`, `{"requests":[{"prompt":"a"},{}]}`} {
		f.Add([]byte(s))
	}
	a := New(Options{Models: jobstest.Models{}})
	sch, err := a.schemas.of(jobs.Model{})
	if err != nil {
		f.Fatal(err)
	}
	store, err := sqlite.Open(f.Context(), filepath.Join(f.TempDir(), "jobs.db"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { store.Close() })
	svc, err := jobs.New(jobs.Config{Outputs: f.TempDir(), MinFree: 1},
		jobs.Deps{Store: store, Runner: &jobstest.Runner{}, Models: jobstest.Models{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		kept := &files{jobs: svc, owner: "me", known: map[string]jobs.Upload{}}
		defer kept.drop()
		o, err := parseObject(b)
		if err != nil {
			return
		}
		if subs, err := (&batch{object: o, sch: sch, hooks: a.o.CheckHook, ctx: t.Context(), files: kept}).read(jobs.Submit{Model: "m"}); err == nil {
			for _, s := range subs {
				if !json.Valid(s.Request) || (jobs.Job{Request: s.Request}).Prompt() == "" {
					t.Fatalf("accepted %q as %s", b, s.Request)
				}
			}
		}
		if o, err = parseObject(b); err != nil {
			t.Fatal(err)
		}
		s := o.settings(jobs.Submit{Model: "m"}, a.o.CheckHook)
		o.errs = append(o.errs, fieldErrorsOf(sch.Check(o.fields), "")...)
		if o.err() == nil {
			s, bad, err := kept.ask(t.Context(), s, sch, o.fields)
			if err != nil || bad != nil {
				t.Fatalf("%q: %v %v", b, bad, err)
			}
			if !json.Valid(s.Request) || (jobs.Job{Request: s.Kept}).Prompt() == "" {
				t.Fatalf("accepted %q as %s", b, s.Request)
			}
			return
		}
		if _, err := json.Marshal(fieldErrors(&jobs.InvalidError{Fields: o.errs})); err != nil {
			t.Fatal(err)
		}
	})
}
