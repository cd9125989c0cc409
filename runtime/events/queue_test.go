package events_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/videosdgx/videosdgx/internal/logtest"
	"github.com/videosdgx/videosdgx/runtime/events"
	"github.com/videosdgx/videosdgx/runtime/events/outgoing"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a queue over a folder, with functions that the test scripts.
type rig struct {
	*events.Queue
	t       *testing.T
	dir     string
	catalog *gatewaytest.Catalog
	invoke  gatewaytest.Invoker
	max     int
	log     *slog.Logger
}

func newRig(t *testing.T, invoke gatewaytest.Invoker, fns ...spec.Function) *rig {
	r := &rig{t: t, dir: t.TempDir(), catalog: &gatewaytest.Catalog{}, invoke: invoke}
	for _, fn := range fns {
		fn.Image = "x"
		if _, err := r.catalog.Put(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	r.open()
	t.Cleanup(func() { r.Stop() })
	return r
}

// open starts a queue on what the folder holds.
func (r *rig) open() {
	store, err := events.OpenFiles(r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	r.Queue = events.New(events.Config{Invoker: r.invoke, Functions: r.catalog, Store: store, RetryBase: time.Millisecond, BackoffBase: time.Millisecond, Poster: loopback(r.t), ErrorType: func(err error) string { return gateway.Explain(err).Type }, Max: r.max, Tries: 3, Log: r.log})
	if err := r.Start(); err != nil {
		r.t.Fatal(err)
	}
}

// loopback posts to this machine too.
func loopback(t *testing.T) events.Poster {
	g, err := outgoing.NewGuard("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	return outgoing.NewPoster(g)
}

// kept are the records on disk that nobody took.
func (r *rig) kept() []string {
	all, _ := filepath.Glob(filepath.Join(r.dir, "undelivered", "*.json"))
	return all
}

func (r *rig) send(function, payload string) string {
	r.t.Helper()
	id := uuid.NewString()
	if err := r.Enqueue(r.t.Context(), spec.Invocation{ID: id, Function: function, Payload: []byte(payload)}); err != nil {
		r.t.Fatal(err)
	}
	return id
}

// files are the events on disk.
func (r *rig) files() []string {
	all, _ := filepath.Glob(filepath.Join(r.dir, "*.json"))
	return all
}

// empty waits until every event is done.
func (r *rig) empty() {
	r.t.Helper()
	for end := time.Now().Add(10 * time.Second); r.Len() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("%d events are still there", r.Len())
		}
	}
	if f := r.files(); len(f) > 0 {
		r.t.Errorf("left on disk: %v", f)
	}
}

type destinationRecord struct {
	Version        string
	RequestContext struct {
		RequestID, FunctionArn, Condition string
		ApproximateInvokeCount            int
	}
	RequestPayload  json.RawMessage
	ResponseContext struct {
		StatusCode                     int
		ExecutedVersion, FunctionError string
		PayloadCut                     int64
	}
	ResponsePayload json.RawMessage
}

func TestSuccessReachesTheDestinationFunction(t *testing.T) {
	got := make(chan []byte, 1)
	r := newRig(t, func(_ context.Context, inv spec.Invocation) (*spec.Result, error) {
		if inv.Function == "sink" {
			got <- inv.Payload
		}
		return gatewaytest.Answer([]byte(`{"ok":true}`)), nil
	}, spec.Function{Name: "work", Async: spec.Async{OnSuccess: "sink"}}, spec.Function{Name: "sink"})
	id := r.send("work", `{"n":1}`)
	var rec destinationRecord
	if err := json.Unmarshal(<-got, &rec); err != nil {
		t.Fatal(err)
	}
	if rec.Version != "1.0" || rec.RequestContext.RequestID != id || rec.RequestContext.Condition != "Success" || rec.RequestContext.ApproximateInvokeCount != 1 ||
		!strings.HasSuffix(rec.RequestContext.FunctionArn, ":function:work:$LATEST") || string(rec.RequestPayload) != `{"n":1}` ||
		rec.ResponseContext.StatusCode != 200 || rec.ResponseContext.ExecutedVersion != "$LATEST" || string(rec.ResponsePayload) != `{"ok":true}` {
		t.Errorf("%+v %s %s", rec, rec.RequestPayload, rec.ResponsePayload)
	}
	r.empty()
}

func TestFailureIsRetriedThenPosted(t *testing.T) {
	for retries := range 3 {
		var calls, posts atomic.Int32
		got := make(chan []byte, 1)
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if posts.Add(1) == 1 {
				w.WriteHeader(http.StatusBadGateway) // a destination may be down for a while
				return
			}
			b, _ := io.ReadAll(req.Body)
			got <- b
		}))
		r := newRig(t, func(context.Context, spec.Invocation) (*spec.Result, error) {
			calls.Add(1)
			return gatewaytest.Fail("Unhandled", "Boom", []byte(`{"errorType":"Boom"}`)), nil
		}, spec.Function{Name: "work", Async: spec.Async{Retries: &retries, OnFailure: srv.URL}})
		r.send("work", `{}`)
		var rec destinationRecord
		if err := json.Unmarshal(<-got, &rec); err != nil {
			t.Fatal(err)
		}
		if int(calls.Load()) != retries+1 || rec.RequestContext.ApproximateInvokeCount != retries+1 || rec.RequestContext.Condition != "RetriesExhausted" ||
			rec.ResponseContext.FunctionError != "Unhandled" || string(rec.ResponsePayload) != `{"errorType":"Boom"}` {
			t.Errorf("%d retries: %d calls, %+v", retries, calls.Load(), rec)
		}
		r.empty()
		r.Stop()
		srv.Close()
		http.DefaultClient.CloseIdleConnections()
	}
}

func TestRefusalsAreTriedAgainWithoutCountingAsRetries(t *testing.T) {
	var calls atomic.Int32
	none := 0
	r := newRig(t, func(context.Context, spec.Invocation) (*spec.Result, error) {
		if calls.Add(1) < 5 {
			return nil, errdefs.ErrResourceExhausted
		}
		return gatewaytest.Answer([]byte("{}")), nil
	}, spec.Function{Name: "work", Async: spec.Async{Retries: &none}})
	r.send("work", `{}`)
	r.empty()
	if calls.Load() != 5 {
		t.Errorf("%d calls", calls.Load())
	}
}

func TestOldEventsAreGivenUp(t *testing.T) {
	got := make(chan string, 1)
	r := newRig(t, func(_ context.Context, inv spec.Invocation) (*spec.Result, error) {
		if inv.Function == "sink" {
			got <- string(inv.Payload)
			return gatewaytest.Answer(nil), nil
		}
		return nil, errdefs.ErrUnavailable
	}, spec.Function{Name: "work", Async: spec.Async{MaxAge: spec.Duration(20 * time.Millisecond), OnFailure: "sink"}}, spec.Function{Name: "sink"})
	r.send("work", `{}`)
	if rec := <-got; !strings.Contains(rec, "EventAgeExceeded") {
		t.Error(rec)
	}
	r.empty()
}

func TestEventsSurviveARestart(t *testing.T) {
	started, answered := make(chan struct{}, 8), make(chan string, 8)
	r := newRig(t, func(ctx context.Context, _ spec.Invocation) (*spec.Result, error) {
		started <- struct{}{}
		<-ctx.Done() // the process stops while the function runs
		return nil, ctx.Err()
	}, spec.Function{Name: "work"})
	r.send("work", `"a"`)
	r.send("work", `"b"`)
	<-started
	r.Stop()
	if err := r.Enqueue(t.Context(), spec.Invocation{ID: "x", Function: "work"}); !errdefs.IsUnavailable(err) {
		t.Errorf("after Stop: %v", err)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "half.json.tmp"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "damaged.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.invoke = func(_ context.Context, inv spec.Invocation) (*spec.Result, error) {
		answered <- string(inv.Payload)
		return gatewaytest.Answer(nil), nil
	}
	r.open()
	got := map[string]bool{<-answered: true, <-answered: true}
	if !got[`"a"`] || !got[`"b"`] {
		t.Errorf("%v", got)
	}
	r.empty()
	if _, err := os.Stat(filepath.Join(r.dir, "damaged.json.bad")); err != nil {
		t.Errorf("the damaged file was not set aside: %v", err)
	}
}

func TestTheQueueIsBounded(t *testing.T) {
	release := make(chan struct{})
	r := newRig(t, func(context.Context, spec.Invocation) (*spec.Result, error) {
		<-release
		return gatewaytest.Answer(nil), nil
	}, spec.Function{Name: "work"})
	r.Stop()
	r.max = 2
	r.open()
	r.send("work", "{}")
	r.send("work", "{}")
	err := r.Enqueue(t.Context(), spec.Invocation{ID: uuid.NewString(), Function: "work"})
	var retry *spec.RetryError
	if !errdefs.IsResourceExhausted(err) || !errors.As(err, &retry) || retry.After == 0 {
		t.Errorf("%v", err)
	}
	close(release)
	r.empty()
}

func TestOneFunctionRunsNoMoreEventsThanItServes(t *testing.T) {
	var now, most atomic.Int32
	gate := make(chan struct{}, 1)
	r := newRig(t, func(context.Context, spec.Invocation) (*spec.Result, error) {
		most.Store(max(most.Load(), now.Add(1)))
		<-gate
		now.Add(-1)
		return gatewaytest.Answer(nil), nil
	}, spec.Function{Name: "work", Concurrency: 2})
	for range 10 {
		r.send("work", "{}")
	}
	for range 10 {
		gate <- struct{}{}
	}
	r.empty()
	if most.Load() > 2 {
		t.Errorf("%d at the same time", most.Load())
	}
}

func TestDestinationLoopsEnd(t *testing.T) {
	var calls atomic.Int32
	r := newRig(t, func(context.Context, spec.Invocation) (*spec.Result, error) {
		calls.Add(1)
		return gatewaytest.Answer(nil), nil
	}, spec.Function{Name: "work", Async: spec.Async{OnSuccess: "work"}})
	r.send("work", "{}")
	r.empty()
	if calls.Load() != 16 || len(r.kept()) != 1 {
		t.Errorf("%d calls, kept %v", calls.Load(), r.kept())
	}
}

func TestAFullDiskRefusesTheEvent(t *testing.T) {
	r := newRig(t, gatewaytest.Echo, spec.Function{Name: "work"})
	if err := os.RemoveAll(r.dir); err != nil {
		t.Fatal(err)
	}
	if err := r.Enqueue(t.Context(), spec.Invocation{ID: "a", Function: "work"}); err == nil || r.Len() != 0 {
		t.Errorf("accepted: %v, %d held", err, r.Len())
	}
}

// TestAStateThatCannotBeStoredRunsNothingTwice: while the disk is full after a call, the function is not called again; when
// there is room, the event goes on where it was.
func TestAStateThatCannotBeStoredRunsNothingTwice(t *testing.T) {
	var calls atomic.Int32
	got := make(chan []byte, 1)
	var r *rig
	r = newRig(t, func(_ context.Context, inv spec.Invocation) (*spec.Result, error) {
		if inv.Function == "sink" {
			got <- inv.Payload
			return gatewaytest.Answer(nil), nil
		}
		if calls.Add(1) == 1 {
			if err := os.Rename(r.dir, r.dir+"-away"); err != nil {
				t.Error(err)
			}
		}
		return gatewaytest.Answer([]byte("1")), nil
	}, spec.Function{Name: "work", Async: spec.Async{OnSuccess: "sink"}}, spec.Function{Name: "sink"})
	r.send("work", "{}")
	for calls.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond) // ten tries to store it
	if err := os.Rename(r.dir+"-away", r.dir); err != nil {
		t.Fatal(err)
	}
	var rec destinationRecord
	if err := json.Unmarshal(<-got, &rec); err != nil {
		t.Fatal(err)
	}
	r.empty()
	if calls.Load() != 1 || rec.RequestContext.ApproximateInvokeCount != 1 {
		t.Errorf("%d calls, the record says %d", calls.Load(), rec.RequestContext.ApproximateInvokeCount)
	}
}

// TestALongAnswerIsReadToItsEnd: the record has only its beginning, but the function is not cancelled, and what it says at
// its end counts.
func TestALongAnswerIsReadToItsEnd(t *testing.T) {
	for _, failed := range []string{"", "Unhandled"} {
		got := make(chan []byte, 1)
		r := newRig(t, func(_ context.Context, inv spec.Invocation) (*spec.Result, error) {
			if inv.Function == "sink" {
				got <- inv.Payload
				return gatewaytest.Answer(nil), nil
			}
			long := strings.NewReader(strings.Repeat("v", 1<<20))
			return gatewaytest.Stream("video/mp4", long, spec.Trailer{FunctionError: failed, ErrorBody: []byte(`"late"`)}), nil
		}, spec.Function{Name: "work", Async: spec.Async{OnSuccess: "sink", OnFailure: "sink", Retries: new(int)}}, spec.Function{Name: "sink"})
		r.send("work", "{}")
		var rec destinationRecord
		if err := json.Unmarshal(<-got, &rec); err != nil {
			t.Fatal(err)
		}
		if failed != "" && (string(rec.ResponsePayload) != `"late"` || rec.ResponseContext.FunctionError != failed || rec.ResponseContext.PayloadCut != 0) {
			t.Errorf("failed at its end: %s %+v", rec.ResponsePayload, rec.ResponseContext)
		}
		if failed == "" && (len(rec.ResponsePayload) != 256<<10+2 || rec.ResponseContext.PayloadCut != 1<<20) {
			t.Errorf("%d bytes in the record, %+v", len(rec.ResponsePayload), rec.ResponseContext)
		}
		r.empty()
	}
}

// TestADestinationThatIsNotThere keeps the record from vanishing as an event of nobody: the log has what became of it.
func TestADestinationThatIsNotThere(t *testing.T) {
	var log logtest.Log
	r := newRig(t, gatewaytest.Echo, spec.Function{Name: "work", Async: spec.Async{OnSuccess: "ghost"}})
	r.Stop()
	r.log = slog.New(slog.NewTextHandler(&log, nil))
	r.open()
	r.send("work", "{}")
	r.empty()
	if s := log.String(); strings.Count(s, "giving up") != 1 || !strings.Contains(s, "ghost") || len(r.kept()) != 1 {
		t.Errorf("kept %v, the log says: %s", r.kept(), s)
	}
}

// TestWhatIsNotTakenIsKept: a redirect is no delivery, and an address that may not be called gets nothing; the record stays,
// and nobody reads the address's secrets in the log.
func TestWhatIsNotTakenIsKept(t *testing.T) {
	var got atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/moved" {
			http.Redirect(w, req, "/ok", http.StatusFound)
			return
		}
		got.Add(1)
	}))
	defer srv.Close()
	for _, target := range []string{srv.URL + "/moved?key=s3cret", "http://u:s3cret@169.254.169.254/", "http://[64:ff9b::a9fe:a9fe]/?s3cret", "http://10.0.0.1:9/?s3cret"} {
		var log logtest.Log
		r := newRig(t, gatewaytest.Echo, spec.Function{Name: "work", Async: spec.Async{OnSuccess: target}})
		r.Stop()
		r.log = slog.New(slog.NewTextHandler(&log, nil))
		r.open()
		id := r.send("work", `{"n":1}`)
		r.empty()
		b, err := os.ReadFile(filepath.Join(r.dir, "undelivered", id+".json"))
		if err != nil || !strings.Contains(string(b), target) || got.Load() != 0 {
			t.Errorf("%s: %v, %s, %d posts", target, err, b, got.Load())
		}
		if s := log.String(); !strings.Contains(s, "giving up") || strings.Contains(s, "s3cret") {
			t.Errorf("the log says: %s", s)
		}
	}
}

// A function that may run nothing gets no events later either: they are not held for hours first.
func TestAThrottledFunctionsEventsFailAtOnce(t *testing.T) {
	got := make(chan []byte, 1)
	r := newRig(t, func(_ context.Context, inv spec.Invocation) (*spec.Result, error) {
		if inv.Function == "sink" {
			got <- inv.Payload
			return gatewaytest.Answer(nil), nil
		}
		return nil, &spec.RetryError{Reason: spec.OverReserved, Err: errdefs.ErrResourceExhausted.WithMessage("reserved concurrency is 0")}
	}, spec.Function{Name: "work", Async: spec.Async{OnFailure: "sink"}}, spec.Function{Name: "sink"})
	r.send("work", `{"n":1}`)
	var rec destinationRecord
	if err := json.Unmarshal(<-got, &rec); err != nil {
		t.Fatal(err)
	}
	if rec.RequestContext.ApproximateInvokeCount != 0 || !strings.Contains(string(rec.ResponsePayload), "TooManyRequestsException") {
		t.Errorf("%+v %s", rec.RequestContext, rec.ResponsePayload)
	}
	r.empty()
}
