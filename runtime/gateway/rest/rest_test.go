package rest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"go.uber.org/goleak"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/jobs/sqlite"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type rig struct {
	t       *testing.T
	url     string
	port    string // the model's own
	jobs    *jobs.Service
	outputs string
}

type script func(context.Context, jobstest.Call) (*spec.Result, error)

func newRig(t *testing.T, s script, tune ...func(*jobs.Config, *jobs.Deps)) *rig {
	t.Helper()
	return newRigWithin(t, 0, s, tune...)
}

// newRigWithin is newRig for a server that waits so long for a body; 0 is its default.
func newRigWithin(t *testing.T, patience time.Duration, s script, tune ...func(*jobs.Config, *jobs.Deps)) *rig {
	t.Helper()
	dir := t.TempDir()
	store, err := sqlite.Open(t.Context(), filepath.Join(dir, "jobs.db"))
	if err != nil {
		t.Fatal(err)
	}
	models := jobstest.Models{
		"wan21": {Name: "wan21", Function: "wan21", Concurrency: 1, Instances: 1, Info: json.RawMessage(`{"steps":20}`)},
		"ltx2":  {Name: "ltx2", Function: "ltx2", Concurrency: 1},
	}
	cfg := jobs.Config{Outputs: filepath.Join(dir, "outputs"), MinFree: 1, Retry: jobs.Backoff{Base: time.Millisecond, Max: time.Millisecond}}
	deps := jobs.Deps{Store: store, Runner: &jobstest.Runner{Script: s}, Models: models, Log: slog.New(slog.DiscardHandler)}
	for _, fn := range tune {
		fn(&cfg, &deps)
	}
	svc, err := jobs.New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	if err := svc.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	api := New(Options{Jobs: svc, Models: deps.Models, Version: "test", Similar: 0.9})
	main := httptest.NewServer(gateway.New(gateway.Options{Routes: []gateway.Routes{api}, BodyTimeout: patience}).Handler())
	own := httptest.NewServer(gateway.New(gateway.Options{Routes: []gateway.Routes{api.Model("wan21")}}).Handler())
	t.Cleanup(func() {
		if err := svc.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		main.Close()
		own.Close()
		store.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return &rig{t, main.URL, own.URL, svc, cfg.Outputs}
}

func (r *rig) do(method, url, body string, header ...string) (*http.Response, []byte) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp, b
}

func (r *rig) generate(body string, header ...string) jobView {
	r.t.Helper()
	resp, b := r.do("POST", r.url+"/v1/models/wan21/generate", body, header...)
	if resp.StatusCode > 299 {
		r.t.Fatalf("%s %s", resp.Status, b)
	}
	return parse[jobView](r.t, b)
}

func asked(v jobView) jobstest.Request { return jobstest.Asked(jobs.Job{Request: v.Request}) }

func parse[T any](t *testing.T, b []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return v
}

func (r *rig) problem(status int, method, path, body string, header ...string) problem {
	r.t.Helper()
	resp, b := r.do(method, r.url+path, body, header...)
	if resp.StatusCode != status || resp.Header.Get("Content-Type") != "application/problem+json" {
		r.t.Fatalf("%s %s: %s %s, want %d", method, path, resp.Status, b, status)
	}
	return parse[problem](r.t, b)
}

func TestGenerateWaitAndDownload(t *testing.T) {
	r := newRig(t, nil)
	j := r.generate(`{"prompt":"A Red ../ Circle","seed":7}`, "Prefer", "wait=20")
	if j.Status != jobs.Completed || j.Result.ContentType != "video/mp4" || j.Links.Download == "" {
		t.Fatalf("%+v", j)
	}
	resp, b := r.do("GET", r.url+j.Links.Download, "")
	want := "clip of A Red ../ Circle"
	if resp.StatusCode != 200 || string(b) != want || resp.Header.Get("ETag") != `"`+j.Result.SHA256+`"` {
		t.Fatalf("%s %q", resp.Status, b)
	}
	_, p, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition"))
	if err != nil || p["filename"] != "a-red-circle-"+j.ID[len(j.ID)-8:]+".mp4" {
		t.Fatalf("%v, %v", p, err)
	}
	resp, b = r.do("GET", r.url+j.Links.Download, "", "Range", "bytes=2-5")
	if resp.StatusCode != 206 || string(b) != want[2:6] {
		t.Fatalf("range: %s %q", resp.Status, b)
	}
	if resp, _ = r.do("GET", r.url+j.Links.Download, "", "Range", "bytes=900-"); resp.StatusCode != 416 {
		t.Fatalf("range past the end: %s", resp.Status)
	}
	if resp, _ = r.do("GET", r.url+j.Links.Download, "", "If-None-Match", resp.Header.Get("ETag")); resp.StatusCode != 200 && resp.StatusCode != 304 {
		t.Fatalf("conditional: %s", resp.Status)
	}
}

func TestClipAsAnswer(t *testing.T) {
	r := newRig(t, nil)
	resp, b := r.do("POST", r.url+"/v1/models/wan21/generate", `{"prompt":"x"}`, "Prefer", "wait=20", "Accept", "video/mp4")
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "video/mp4" || string(b) != "clip of x" {
		t.Fatalf("%s %s", resp.Status, b)
	}
}

func TestNoClipAsAnswer(t *testing.T) {
	for status, script := range map[int]script{
		400: func(context.Context, jobstest.Call) (*spec.Result, error) {
			return jobstest.Stream(400, "application/json", []byte(`{"detail":"width must be a multiple of 16"}`)), nil
		},
		422: func(context.Context, jobstest.Call) (*spec.Result, error) {
			return nil, &gateway.Typed{Status: 422, Type: "InvalidParameterValueException", Err: fmt.Errorf("there is no LoRA x: %w", errdefs.ErrInvalidArgument)}
		},
		404: func(context.Context, jobstest.Call) (*spec.Result, error) {
			return nil, fmt.Errorf("the function has gone: %w", errdefs.ErrNotFound)
		},
		502: func(context.Context, jobstest.Call) (*spec.Result, error) { return nil, errors.New("broke") },
		504: func(context.Context, jobstest.Call) (*spec.Result, error) {
			return nil, fmt.Errorf("too slow: %w", context.DeadlineExceeded)
		},
	} {
		r := newRig(t, script)
		p := r.problem(status, "POST", "/v1/models/wan21/generate", `{"prompt":"x"}`, "Prefer", "wait=20", "Accept", "video/mp4")
		if p.Type != "/problems/job-failed" || p.Job == "" || !strings.Contains(p.Detail, p.Job) {
			t.Errorf("%+v", p)
		}
		if j := r.generate(`{"prompt":"x"}`, "Prefer", "wait=20"); !j.Status.Ended() || j.Error == nil {
			t.Errorf("%+v", j)
		}
	}
}

func block(ctx context.Context, _ jobstest.Call) (*spec.Result, error) { return jobstest.Block(ctx) }

func TestAsyncListCancel(t *testing.T) {
	r := newRig(t, block)
	resp, b := r.do("POST", r.url+"/v1/models/wan21/generate", `{"prompt":"x","priority":"high"}`, "Prefer", "respond-async")
	j := parse[jobView](t, b)
	if resp.StatusCode != 202 || resp.Header.Get("Location") != "/v1/models/wan21/jobs/"+j.ID || resp.Header.Get("Preference-Applied") != "respond-async" {
		t.Fatalf("%s %v", resp.Status, resp.Header)
	}
	r.generate(`{"prompt":"y"}`)
	_, b = r.do("GET", r.url+"/v1/models/wan21/jobs?limit=1", "")
	page := parse[jobList](t, b)
	if len(page.Jobs) != 1 || asked(page.Jobs[0]).Prompt != "y" || page.Next == "" {
		t.Fatalf("%s", b)
	}
	_, b = r.do("GET", r.url+"/v1/jobs?before="+page.Next, "")
	if page = parse[jobList](t, b); len(page.Jobs) != 1 || page.Jobs[0].ID != j.ID {
		t.Fatalf("%s", b)
	}
	r.problem(409, "GET", "/v1/models/wan21/jobs/"+j.ID+"/download", "")
	resp, b = r.do("DELETE", r.url+j.Links.Self, "")
	if v := parse[jobView](t, b); resp.StatusCode != 200 || v.Status != jobs.Cancelled { // else 202, after cancelWait
		t.Fatalf("%s %s", resp.Status, b)
	}
	if resp, _ = r.do("POST", r.url+j.Links.Self+"/retry", ""); resp.StatusCode != 202 {
		t.Fatal(resp.Status)
	}
}

func TestEveryWrongFieldAtOnce(t *testing.T) {
	r := newRig(t, nil)
	p := r.problem(422, "POST", "/v1/models/wan21/generate", `{"prompt":"","width":0,"height":"tall","num_frames":9999,"fps":0.5,
		"num_inference_steps":0,"guidance_scale":-1,"seed":-3,"image":"%%","priority":"urgent","webhook":"ftp://x","negativ_prompt":"x",
		"deadline_seconds":0,"max_attempts":0}`)
	got, fromOne := map[string]bool{}, []string{"#/width", "#/height", "#/num_inference_steps", "#/deadline_seconds", "#/max_attempts"}
	for _, e := range p.Errors {
		got[e.Pointer] = true
		if slices.Contains(fromOne, e.Pointer) && (e.Minimum == nil || *e.Minimum != 1 || e.Maximum == nil) {
			t.Errorf("limits missing in %+v", e)
		}
		if e.Pointer == "#/height" && e.Detail != `height is "tall": it must be a whole number in 1…8192.` {
			t.Error(e.Detail)
		}
		if e.Pointer == "#/seed" && e.Detail != `seed is -3: it must lie in 0…9007199254740991.` {
			t.Error(e.Detail)
		}
	}
	for _, f := range []string{"prompt", "width", "height", "num_frames", "fps", "num_inference_steps", "guidance_scale", "seed", "image", "priority", "webhook", "negativ_prompt", "deadline_seconds", "max_attempts"} {
		if !got["#/"+f] {
			t.Errorf("%s is not among the errors: %+v", f, p.Errors)
		}
	}
	if len(p.Errors) != 14 {
		t.Errorf("%d errors", len(p.Errors))
	}
}

func TestBadBodies(t *testing.T) {
	r := newRig(t, nil)
	for name, tc := range map[string]struct {
		status int
		body   string
	}{
		"empty": {400, ""}, "null": {400, "null"}, "list": {400, "[]"}, "cut": {400, `{"prompt":"x`}, "trailing": {400, `{"prompt":"x"}{}`},
		"latin1": {400, "{\"prompt\":\"\xe9\"}"}, "long prompt": {422, `{"prompt":"` + strings.Repeat("a", 9000) + `"}`}, "zero byte": {422, `{"prompt":"a\u0000"}`},
		"too large": {413, `{"prompt":"x","image":"` + strings.Repeat("A", 25<<20) + `"}`},
	} {
		t.Run(name, func(t *testing.T) { r.problem(tc.status, "POST", "/v1/models/wan21/generate", tc.body) })
	}
	for body, pointer := range map[string]string{ // whichever of them would have been taken
		`{"prompt":"x","prompt":"y"}`: "#/prompt", `{"prompt":"x","pr\u006fmpt":"x"}`: "#/prompt", `{"prompt":"x","seed":null,"seed":1}`: "#/seed",
		`{"prompt":"x","priority":"low","priority":"high"}`: "#/priority", `{"prompt":"x","other":[{"a/b":1,"a/b":2}]}`: "#/other/0/a~1b",
	} {
		for _, path := range []string{"generate", "batch"} {
			if p := r.problem(400, "POST", "/v1/models/wan21/"+path, body); len(p.Errors) != 1 || p.Errors[0].Pointer != pointer || !strings.Contains(p.Detail, "more than once: send it once") {
				t.Errorf("%s: %+v", body, p)
			}
		}
	}
	r.problem(415, "POST", "/v1/models/wan21/generate", "{}", "Content-Type", "text/html")
	if resp, b := r.do("POST", r.url+"/v1/models/wan21/generate", `{"prompt":"x"}`, "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "cross-site"); resp.StatusCode != 403 {
		t.Errorf("a page of another site: %s %s", resp.Status, b)
	}
	if p := r.problem(404, "GET", "/v1/jobs/x", ""); strings.Contains(p.Detail, ": not found") {
		t.Error(p.Detail)
	}
	if _, b := r.do("GET", r.url+"/v1/jobs", ""); len(parse[jobList](t, b).Jobs) != 0 {
		t.Error("a refused request left a job")
	}
}

func TestSlowBodyIsCutOff(t *testing.T) {
	r := newRigWithin(t, 300*time.Millisecond, nil)
	pr, pw := io.Pipe()
	defer pw.Close()
	req, _ := http.NewRequestWithContext(t.Context(), "POST", r.url+"/v1/models/wan21/generate", pr)
	req.ContentLength = 100
	go pw.Write([]byte(`{"prompt":`)) //nolint:errcheck // the server ends it
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestTimeout {
		t.Fatal(resp.Status)
	}
}

func TestUnknownAndTricky(t *testing.T) {
	r := newRig(t, nil)
	for _, id := range []string{"nope", "..", "..%2f..%2fetc%2fpasswd", "%00", "0194f0a0-0000-7000-8000-000000000000", strings.Repeat("a", 5000), "*", "%2e%2e%2fjobs.db"} {
		for _, tail := range []string{"", "/download", "/events"} {
			resp, b := r.do("GET", r.url+"/v1/models/wan21/jobs/"+id+tail, "")
			if resp.StatusCode != 404 && !strings.HasPrefix(id, "..") {
				t.Errorf("%q%s: %s %.100s", id, tail, resp.Status, b)
			}
			if bytes.Contains(b, []byte("root:")) {
				t.Fatalf("%q%s leaked a file", id, tail)
			}
		}
	}
	r.problem(404, "POST", "/v1/models/none/generate", `{"prompt":"x"}`)
	r.problem(404, "GET", "/v1/models/%2e%2e%2f/info", "")
	j := r.generate(`{"prompt":"x"}`, "Prefer", "wait=20")
	r.problem(404, "GET", "/v1/models/ltx2/jobs/"+j.ID, "")
	r.problem(409, "DELETE", j.Links.Self, "")
	if resp, _ := r.do("DELETE", r.url+j.Links.Self+"?purge=true", ""); resp.StatusCode != 204 {
		t.Fatal(resp.Status)
	}
	r.problem(404, "GET", j.Links.Self, "")
	r.problem(400, "GET", "/v1/jobs?limit=0&state=odd&before=x", "")
}

func TestBatch(t *testing.T) {
	r := newRig(t, nil)
	resp, b := r.do("POST", r.url+"/v1/models/wan21/batch", `{"prompts":["a","b","c"],"seed":1}`, "Idempotency-Key", "k")
	l := parse[jobList](t, b)
	if resp.StatusCode != 202 || len(l.Jobs) != 3 || l.Batch == "" || *asked(l.Jobs[2]).Seed != 1 {
		t.Fatalf("%s %s", resp.Status, b)
	}
	resp, b = r.do("POST", r.url+"/v1/models/wan21/batch", `{"prompts":["a","b","c"],"seed":1}`, "Idempotency-Key", "k")
	if again := parse[jobList](t, b); resp.Header.Get("Idempotency-Replayed") != "true" || again.Jobs[0].ID != l.Jobs[0].ID || len(again.Jobs) != 3 {
		t.Fatalf("%s %s", resp.Status, b)
	}
	r.problem(422, "POST", "/v1/models/wan21/batch", `{"prompts":["a","b","d"],"seed":1}`, "Idempotency-Key", "k")
	p := r.problem(422, "POST", "/v1/models/wan21/batch", `{"requests":[{"prompt":"a"},{"prompt":"","steps":1},7]}`)
	if len(p.Errors) != 3 {
		t.Fatalf("%+v", p.Errors)
	}
	many := `{"prompts":[` + strings.Repeat(`"",`, jobs.MaxBatch) + `""]}`
	for body, want := range map[string]int{`{}`: 1, `{"prompts":[]}`: 1, `{"prompts":["a"],"requests":[]}`: 1, `{"prompts":"a"}`: 1, many: 1,
		`{"prompts":"a","width":-1,"wdth":1}`: 3, `{"prompts":["a",""],"width":-1}`: 2, `{"requests":[{"prompt":""},{"prompt":"a"}],"width":-1,"prompt":"a"}`: 3} {
		if p := r.problem(422, "POST", "/v1/models/wan21/batch", body); len(p.Errors) != want {
			t.Errorf("%.80s: %+v", body, p.Errors)
		}
	}
}

func TestBatchOfRequestsSharesFields(t *testing.T) {
	r := newRig(t, nil)
	_, b := r.do("POST", r.url+"/v1/models/wan21/batch", `{"requests":[{"prompt":"a","seed":2},{"prompt":"b"}],"seed":1,"priority":"low"}`)
	l := parse[jobList](t, b)
	if len(l.Jobs) != 2 || *asked(l.Jobs[0]).Seed != 2 || *asked(l.Jobs[1]).Seed != 1 || l.Jobs[1].Priority != jobs.Low {
		t.Fatalf("%s", b)
	}
	_, b = r.do("POST", r.url+"/v1/models/wan21/batch", `{"prompts":["alone"]}`)
	one := parse[jobList](t, b)
	_, b = r.do("GET", r.url+"/v1/jobs?batch="+one.Batch, "")
	if got := parse[jobList](t, b); one.Batch == "" || len(got.Jobs) != 1 || asked(got.Jobs[0]).Prompt != "alone" {
		t.Fatalf("%s", b)
	}
}

func TestHead(t *testing.T) {
	r := newRig(t, block)
	j := r.generate(`{"prompt":"x"}`)
	for _, path := range []string{j.Links.Self, j.Links.Events, "/v1/models/wan21/health", "/v1/models/wan21/metrics", "/v1/jobs"} {
		if resp, b := r.do("HEAD", r.url+path, ""); resp.StatusCode != 200 || len(b) != 0 { // of a stream without an end, too
			t.Errorf("%s: %s %s", path, resp.Status, b)
		}
	}
}

func TestEventsStreamAndResume(t *testing.T) {
	release := make(chan struct{})
	r := newRig(t, func(_ context.Context, c jobstest.Call) (*spec.Result, error) {
		<-release
		for i := range 3 {
			c.Progress(spec.Progress{Phase: "denoise", Step: i + 1, Steps: 3})
		}
		return jobstest.Stream(200, "video/mp4", []byte("x")), nil
	})
	j := r.generate(`{"prompt":"x"}`)
	resp, err := http.Get(r.url + j.Links.Events)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatal(resp.Header)
	}
	var kinds []string
	var mid, last string
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if k, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			if kinds = append(kinds, k); len(kinds) == 1 {
				close(release)
			}
		}
		if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok && mid == "" && len(kinds) > 0 {
			mid = id
		}
		if d, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			last = d
		}
	}
	if kinds[len(kinds)-1] != "completed" || parse[jobView](t, []byte(last)).Status != jobs.Completed {
		t.Fatalf("%v %s", kinds, last)
	}
	_, b := r.do("GET", r.url+j.Links.Events, "", "Last-Event-ID", mid)
	if n := strings.Count(string(b), "event: progress"); n < 1 || n > 3 || !strings.Contains(string(b), "event: completed") {
		t.Fatalf("resumed after %s with %s", mid, b)
	}
}

func TestDiskFull507(t *testing.T) {
	r := newRig(t, nil, func(_ *jobs.Config, d *jobs.Deps) { d.Free = func(string) (uint64, error) { return 0, nil } })
	p := r.problem(507, "POST", "/v1/models/wan21/generate", `{"prompt":"x"}`)
	if p.Type != "/problems/disk-full" {
		t.Fatalf("%+v", p)
	}
}

func TestOwnPort(t *testing.T) {
	r := newRig(t, nil)
	resp, b := r.do("POST", r.port+"/generate", `{"prompt":"x"}`, "Prefer", "wait=20")
	j := parse[jobView](t, b)
	if resp.StatusCode != 200 || j.Links.Self != "/jobs/"+j.ID {
		t.Fatalf("%s %s", resp.Status, b)
	}
	for path, want := range map[string]int{"/health": 200, "/ready": 200, "/info": 200, "/metrics": 200, "/jobs": 200, j.Links.Download: 200, "/openapi.json": 200, "/v1/jobs": 404} {
		if resp, b := r.do("GET", r.port+path, ""); resp.StatusCode != want {
			t.Errorf("%s: %s %s", path, resp.Status, b)
		}
	}
}

func TestReadyAndMetrics(t *testing.T) {
	r := newRig(t, nil)
	r.generate(`{"prompt":"four"}`, "Prefer", "wait=20")
	if resp, _ := r.do("GET", r.url+"/v1/models/ltx2/ready", ""); resp.StatusCode != 503 {
		t.Error(resp.Status)
	}
	_, b := r.do("GET", r.url+"/v1/models/wan21/metrics", "")
	m := parse[map[string]any](t, b)
	for _, k := range []string{"total_inferences", "successful", "failed", "avg_duration_seconds", "min_duration_seconds", "max_duration_seconds",
		"last_10", "prompt_sizes", "queue", "memory", "model_status", "last_use", "time_to_auto_unload_seconds"} {
		if _, ok := m[k]; !ok {
			t.Errorf("%s is missing in %s", k, b)
		}
	}
	if m["total_inferences"] != 1.0 || m["successful"] != 1.0 {
		t.Errorf("%s", b)
	}
	resp, b := r.do("GET", r.url+"/v1/models/wan21/metrics", "", "Accept", "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1")
	if !strings.Contains(string(b), `videosdgx_jobs_total{model="wan21",outcome="completed"} 1`) || !strings.Contains(resp.Header.Get("Content-Type"), "text") {
		t.Errorf("%v %s", resp.Header, b)
	}
}

func TestIdempotentGenerate(t *testing.T) {
	r := newRig(t, nil)
	a := r.generate(`{"prompt":"x"}`, "Idempotency-Key", "k")
	b := r.generate(`{"prompt":"x"}`, "Idempotency-Key", "k")
	if a.ID != b.ID {
		t.Fatal("two jobs under one key")
	}
	p := r.problem(422, "POST", "/v1/models/wan21/generate", `{"prompt":"y"}`, "Idempotency-Key", "k")
	if !strings.Contains(p.Detail, a.ID) {
		t.Fatal(p.Detail)
	}
	if c := r.generate(`{"prompt":"y"}`, "Idempotency-Key", "k", "X-Client-Id", "other"); c.ID == a.ID {
		t.Fatal("clients share keys")
	}
}

func TestClientsAreToldApart(t *testing.T) {
	for want, header := range map[string][2]string{
		"192.0.2.1": {}, "me": {"X-Client-Id", "me"}, "203.0.113.7": {"X-Forwarded-For", "203.0.113.7, 10.0.0.1"}, "2001:db8::1": {"X-Forwarded-For", " 2001:db8::1"},
	} {
		r := httptest.NewRequest("POST", "/", nil) // from 192.0.2.1
		if header[0] != "" {
			r.Header.Set(header[0], header[1])
		}
		if got := clientOf(r); got != want {
			t.Errorf("%v: %q", header, got)
		}
	}
	r := httptest.NewRequest("POST", "/", nil)
	if r.Header.Set("X-Forwarded-For", "unknown"); clientOf(r) != "192.0.2.1" {
		t.Error(clientOf(r))
	}
}

func TestManyWatchers(t *testing.T) {
	release := make(chan struct{})
	r := newRig(t, func(_ context.Context, c jobstest.Call) (*spec.Result, error) {
		<-release
		return jobstest.Stream(200, "video/mp4", []byte("x")), nil
	})
	j := r.generate(`{"prompt":"x"}`)
	const n = 50
	up, done := make(chan error, n), make(chan error, n)
	for range n {
		go func() {
			resp, err := http.Get(r.url + j.Links.Events)
			up <- err
			if err != nil {
				return
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			if err == nil && !bytes.Contains(b, []byte("event: completed")) {
				err = fmt.Errorf("no end in %q", b)
			}
			done <- err
		}()
	}
	for range n {
		if err := <-up; err != nil {
			t.Fatal(err)
		}
	}
	close(release)
	for range n {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}
