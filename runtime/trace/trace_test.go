package trace

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

var quiet = slog.New(slog.DiscardHandler)

// function answers as a model does: cold, with reports, after a while.
type function struct {
	got spec.Invocation
	err error
}

func (f *function) Invoke(_ context.Context, inv spec.Invocation) (*spec.Result, error) {
	f.got = inv
	if f.err != nil {
		return nil, f.err
	}
	for _, p := range []string{"encode", "denoise", "denoise", "decode"} {
		inv.OnProgress(spec.Progress{Phase: p, Step: 1, Engine: "ONNX"})
	}
	return &spec.Result{Version: "3", Body: io.NopCloser(strings.NewReader("clip")), Phases: spec.Phases{Queue: 1e6, Create: 2e6, Restore: 3e6, Init: 4e6, Cold: true, Snapshot: true},
		Trailer: func() spec.Trailer { return spec.Trailer{Run: time.Minute, MaxMemory: 1 << 20} }}, nil
}

var request = Requests{Status: func(http.ResponseWriter) int { return 200 }, ID: func(http.ResponseWriter) string { return "id" }}

// serve has a handler that invokes f answer a request.
func serve(tr *Tracer, f *function, r *http.Request) http.Header {
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/models/{model}/generate", func(w http.ResponseWriter, r *http.Request) {
		res, err := tr.Invoker(f).Invoke(r.Context(), spec.Invocation{ID: "i", Function: "wan"})
		if err == nil {
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
	})
	w := httptest.NewRecorder()
	tr.Wrap(request, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { defer Routed(r); mux.ServeHTTP(w, r) })).ServeHTTP(w, r)
	return w.Header()
}

const (
	theirs   = "0af7651916cd43dd8448eb211c80319c"
	caller   = "b7ad6b7169203331"
	traced   = "00-" + theirs + "-" + caller + "-01"
	untraced = "00-" + theirs + "-" + caller + "-00"
)

func ask(header, value string) *http.Request {
	r := httptest.NewRequest("POST", "/v1/models/wan/generate", nil)
	if header != "" {
		r.Header.Set(header, value)
	}
	return r
}

// TestARequestIsOneTrace goes through both protocols, and through the environment alone.
func TestARequestIsOneTrace(t *testing.T) {
	for name, begin := range map[string]func(t *testing.T) (*sink, *Tracer){
		"http": func(t *testing.T) (*sink, *Tracer) {
			s, at := overHTTPSink(t)
			return s, open(t, Options{Endpoint: at, Headers: "x-token=secret", Node: "n1", Version: "v9", Log: quiet}, nil)
		},
		"grpc": func(t *testing.T) (*sink, *Tracer) {
			s, at := overGRPCSink(t)
			return s, open(t, Options{Endpoint: at, Headers: "x-token=secret", Node: "n1", Version: "v9", Log: quiet}, nil)
		},
		"environment": func(t *testing.T) (*sink, *Tracer) {
			s, at := overHTTPSink(t)
			return s, open(t, Options{Node: "n1", Version: "v9", Log: quiet}, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": at, "OTEL_EXPORTER_OTLP_HEADERS": "x-token=secret"})
		},
		"environment grpc": func(t *testing.T) (*sink, *Tracer) {
			s, at := overGRPCSink(t)
			return s, open(t, Options{Node: "n1", Version: "v9", Log: quiet}, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": strings.Replace(at, "grpc", "http", 1), "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_HEADERS": "x-token=secret"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, tr := begin(t)
			f := &function{}
			answer := serve(tr, f, ask("Traceparent", traced))
			tr.Close(t.Context())
			server, invoke, fn := s.named(t, "/v1/models/{model}/generate"), s.named(t, "invoke wan"), s.named(t, "function wan")
			if len(s.spans) != 10 {
				t.Errorf("%d spans", len(s.spans))
			}
			for _, p := range s.spans {
				if hex.EncodeToString(p.TraceId) != theirs {
					t.Errorf("%s is in trace %x", p.Name, p.TraceId)
				}
				if p.EndTimeUnixNano < p.StartTimeUnixNano {
					t.Errorf("%s ends before it begins", p.Name)
				}
			}
			below := func(name string, parent *otlp.Span) *otlp.Span {
				p := s.named(t, name)
				if string(p.ParentSpanId) != string(parent.SpanId) {
					t.Errorf("%s is not below %s", name, parent.Name)
				}
				return p
			}
			if hex.EncodeToString(server.ParentSpanId) != caller {
				t.Errorf("the request is below %x", server.ParentSpanId)
			}
			below("invoke wan", server)
			below("function wan", invoke)
			last := uint64(0)
			for _, step := range []string{"queue", "create", "restore", "init"} {
				p := below(step, invoke)
				if p.StartTimeUnixNano < last {
					t.Errorf("%s overlaps", step)
				}
				last = p.EndTimeUnixNano
			}
			if fn.StartTimeUnixNano < last {
				t.Error("the function ran before its instance was ready")
			}
			for _, phase := range []string{"encode", "denoise", "decode"} {
				below(phase, fn)
			}
			if want := "Root=1-" + theirs[:8] + "-" + theirs[8:] + ";Parent=" + hex.EncodeToString(invoke.SpanId) + ";Sampled=1"; f.got.TraceID != want {
				t.Errorf("the function got %s, not %s", f.got.TraceID, want)
			}
			if !strings.Contains(answer.Get(xrayHeader), theirs[8:]) {
				t.Errorf("the answer's trace is %q", answer.Get(xrayHeader))
			}
			about := strings.Join(s.service, " ")
			if !strings.Contains(about, "service.name=videosdgx") || !strings.Contains(about, "service.instance.id=n1") || s.header != "secret" {
				t.Errorf("%s, token %q", about, s.header)
			}
		})
	}
}

func TestXRayComesInAndGoesOut(t *testing.T) {
	s, at := overHTTPSink(t)
	tr := open(t, Options{Endpoint: at, Log: quiet}, nil)
	f := &function{}
	serve(tr, f, ask(xrayHeader, "Root=1-0af76519-16cd43dd8448eb211c80319c;Parent="+caller+";Sampled=1;Lineage=a:b"))
	tr.Close(t.Context())
	if p := s.named(t, "/v1/models/{model}/generate"); hex.EncodeToString(p.TraceId) != theirs || hex.EncodeToString(p.ParentSpanId) != caller {
		t.Errorf("%x below %x", p.TraceId, p.ParentSpanId)
	}
	for _, bad := range []string{"", "x", "Root=1-0af76519-16cd43dd8448eb211c80319c", "Root=2-0af76519-16cd43dd8448eb211c80319c;Parent=" + caller + ";Sampled=1",
		"Root=1-0af76519-zz;Parent=" + caller + ";Sampled=1", "Root=1-00000000-000000000000000000000000;Parent=" + caller + ";Sampled=1", "Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=1;Sampled=1",
		"Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=" + caller + ";Sampled=?"} {
		if parseXRay(bad).IsValid() {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestSampling: a caller's decision counts, and else the configured part.
func TestSampling(t *testing.T) {
	for _, c := range []struct {
		ratio, header string
		want          int
	}{{"", "", 10}, {"0", "", 0}, {"1", "", 10}, {"0", traced, 10}, {"1", untraced, 0}} {
		s, at := overHTTPSink(t)
		tr := open(t, Options{Endpoint: at, Ratio: c.ratio, Log: quiet}, nil)
		f := &function{}
		f.got.OnProgress = nil
		r := ask("Traceparent", c.header)
		if c.want == 0 {
			f.err = errors.New("not asked for its progress")
		}
		serve(tr, f, r)
		tr.Close(t.Context())
		if len(s.spans) != c.want {
			t.Errorf("ratio %q, header %q: %d spans, not %d", c.ratio, c.header, len(s.spans), c.want)
		}
		if c.want == 0 && (f.got.OnProgress != nil || !strings.HasSuffix(f.got.TraceID, "Sampled=0")) {
			t.Errorf("what nobody sees is watched: %v %s", f.got.OnProgress != nil, f.got.TraceID)
		}
	}
}

func TestWhoOnlyReadsBeginsNoTrace(t *testing.T) {
	s, at := overHTTPSink(t)
	tr := open(t, Options{Endpoint: at, Log: quiet}, nil)
	h := tr.Wrap(request, http.NotFoundHandler())
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/jobs/1", nil))
	with := httptest.NewRequest("GET", "/v1/jobs/2", nil)
	with.Header.Set("Traceparent", traced)
	h.ServeHTTP(httptest.NewRecorder(), with)
	q := request
	q.Function = func(*http.Request) bool { return true }
	tr.Wrap(q, http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/fn/f/", nil))
	tr.Close(t.Context())
	if len(s.spans) != 2 {
		t.Errorf("%d spans", len(s.spans))
	}
}

func TestFailuresAreErrors(t *testing.T) {
	s, at := overHTTPSink(t)
	tr := open(t, Options{Endpoint: at, Log: quiet}, nil)
	serve(tr, &function{err: errors.New("no room")}, ask("", ""))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		tr.Wrap(request, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("x") })).ServeHTTP(httptest.NewRecorder(), ask("", ""))
	}()
	tr.Close(t.Context())
	if p := s.named(t, "invoke wan"); p.Status.GetCode() != otlp.Status_STATUS_CODE_ERROR || p.Status.Message != "no room" {
		t.Errorf("%v", p.Status)
	}
	if p := s.named(t, "POST"); p.Status.GetCode() != otlp.Status_STATUS_CODE_ERROR {
		t.Errorf("%v", p.Status)
	}
}

// TestAJobIsOneTrace whose attempts run in two processes.
func TestAJobIsOneTrace(t *testing.T) {
	s, at := overHTTPSink(t)
	one := open(t, Options{Endpoint: at, Log: quiet}, nil)
	ctx := one.carrier.Extract(t.Context(), propagation.MapCarrier{"traceparent": traced})
	now := time.Now()
	j := jobs.Job{ID: "j", Model: "wan", Created: now.Add(-time.Minute), Ready: now.Add(-time.Minute), Started: now.Add(-50 * time.Second), State: jobs.Running, Attempts: 1, Trace: one.Submitted(ctx)}
	if j.Trace == nil || j.Trace.ID != theirs || j.Trace.Parent != caller {
		t.Fatalf("%+v", j.Trace)
	}
	_, ended := one.Attempt(context.Background(), j)
	again := j
	again.State, again.Problem = jobs.Queued, &jobs.Problem{Kind: "function", Detail: "it broke"}
	ended(again)
	one.Lost(j, now)
	one.Close(t.Context())
	two := open(t, Options{Endpoint: at, Log: quiet}, nil)
	j.Attempts, j.Started, j.Ready = 2, now, now.Add(-time.Second)
	inner, ended := two.Attempt(context.Background(), j)
	done := j
	done.State, done.Finished = jobs.Completed, now.Add(time.Second)
	ended(done)
	two.Ended(done)
	header := http.Header{}
	told, end := two.Told(context.Background(), done)
	two.Inject(told, header)
	end(errors.New("away"))
	two.Close(t.Context())
	job := s.named(t, "job wan")
	if hex.EncodeToString(job.SpanId) != j.Trace.Span || hex.EncodeToString(job.ParentSpanId) != caller {
		t.Errorf("the job's span is %x below %x", job.SpanId, job.ParentSpanId)
	}
	count := map[string]int{}
	for _, p := range s.spans {
		count[p.Name]++
		if p != job && string(p.ParentSpanId) != string(job.SpanId) || hex.EncodeToString(p.TraceId) != theirs {
			t.Errorf("%s is below %x", p.Name, p.ParentSpanId)
		}
	}
	if count["attempt"] != 3 || count["wait"] != 2 || count["webhook"] != 1 || len(s.spans) != 7 {
		t.Errorf("%v", count)
	}
	if !strings.Contains(header.Get("Traceparent"), theirs) {
		t.Errorf("the webhook's headers are %v", header)
	}
	if !trace.SpanContextFromContext(inner).IsSampled() {
		t.Error("what an attempt does is not seen")
	}
}

// TestAJobThatNobodySees has no spans, not even of its invocation.
func TestAJobThatNobodySees(t *testing.T) {
	s, at := overHTTPSink(t)
	tr := open(t, Options{Endpoint: at, Log: quiet}, nil)
	if tr.Submitted(t.Context()) != nil {
		t.Error("a job without a trace got one")
	}
	ctx, ended := tr.Attempt(t.Context(), jobs.Job{})
	f := &function{err: errors.New("x")}
	tr.Invoker(f).Invoke(ctx, spec.Invocation{})
	ended(jobs.Job{})
	tr.Ended(jobs.Job{})
	tr.Lost(jobs.Job{}, time.Now())
	tr.Close(t.Context())
	if len(s.spans) != 0 {
		t.Errorf("%d spans", len(s.spans))
	}
}

// TestAnEventContinuesItsTrace although nothing but Lambda's header waited with it.
func TestAnEventContinuesItsTrace(t *testing.T) {
	s, at := overHTTPSink(t)
	tr := open(t, Options{Endpoint: at, Log: quiet}, nil)
	tr.Invoker(&function{err: errors.New("x")}).Invoke(t.Context(), spec.Invocation{Function: "wan", TraceID: "Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=" + caller + ";Sampled=1"})
	tr.Close(t.Context())
	if p := s.named(t, "invoke wan"); hex.EncodeToString(p.TraceId) != theirs {
		t.Errorf("%x", p.TraceId)
	}
}

func TestOffUnlessNamed(t *testing.T) {
	for _, env := range []map[string]string{nil, {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:1"}, {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:1"}} {
		if tr, err := Open(t.Context(), Options{}, func(n string) string { return env[n] }); tr != nil || err != nil {
			t.Errorf("%v: %v %v", env, tr, err)
		}
	}
}

func TestMistakesAreTold(t *testing.T) {
	for want, c := range map[string]struct {
		o   Options
		env map[string]string
	}{
		"its scheme must be":             {o: Options{Endpoint: "ftp://x"}},
		"write http://HOST:4318":         {o: Options{Endpoint: "collector:4318"}},
		"traceRatio is \"2\"":            {o: Options{Endpoint: "http://x", Ratio: "2"}},
		"traceRatio is \"NaN\"":          {o: Options{Endpoint: "http://x", Ratio: "NaN"}},
		"without =":                      {o: Options{Endpoint: "http://x", Headers: "secret"}},
		"OTEL_TRACES_EXPORTER":           {env: map[string]string{"OTEL_TRACES_EXPORTER": "zipkin"}},
		"OTEL_EXPORTER_OTLP_PROTOCOL is": {env: map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}},
		"OTEL_PROPAGATORS names \"b3\"":  {o: Options{Endpoint: "http://x"}, env: map[string]string{"OTEL_PROPAGATORS": "b3"}},
	} {
		c.o.Log = quiet
		err := c.o.Check(func(n string) string { return c.env[n] })
		if err == nil || !strings.Contains(err.Error(), want) || !errdefs.IsInvalidArgument(err) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", want, err)
		}
	}
}

// TestACollectorThatIsAway costs neither requests nor the stop more than a moment.
func TestACollectorThatIsAway(t *testing.T) {
	said := make(chan string, 10)
	tr := open(t, Options{Endpoint: "http://127.0.0.1:1", Log: slog.New(slog.NewTextHandler(lines(said), nil))}, nil)
	f := &function{}
	serve(tr, f, ask("", ""))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	tr.Close(ctx)
	if line := <-said; f.got.ID != "i" || !strings.Contains(line, "could not be sent") {
		t.Errorf("%+v %s", f.got, line)
	}
}

type lines chan string

func (l lines) Write(p []byte) (int, error) { l <- string(p); return len(p), nil }
