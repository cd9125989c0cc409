package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/jobs/sqlite"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type rig struct {
	*jobs.Service
	t      testing.TB
	dir    string
	runner *jobstest.Runner
	cfg    jobs.Config
	deps   jobs.Deps
}

func models() jobstest.Models {
	return jobstest.Models{
		"wan21": {Name: "wan21", Function: "wan21-fn", Concurrency: 1},
		"ltx2":  {Name: "ltx2", Function: "ltx2-fn", Concurrency: 1},
	}
}

func newRig(t testing.TB, script func(context.Context, jobstest.Call) (*spec.Result, error), tune ...func(*rig)) *rig {
	t.Helper()
	dir := t.TempDir()
	r := &rig{t: t, dir: dir, runner: &jobstest.Runner{Script: script}}
	store, err := sqlite.Open(t.Context(), filepath.Join(dir, "jobs.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	// a lease so long that what is only noticed when it is renewed is noticed after wait has given up
	r.cfg = jobs.Config{Outputs: filepath.Join(dir, "outputs"), Lease: time.Hour, Retry: jobs.Backoff{Base: time.Millisecond, Max: time.Millisecond}, MinFree: 1}
	r.deps = jobs.Deps{Store: store, Runner: r.runner, Models: models(), Log: slog.New(slog.DiscardHandler)}
	for _, fn := range tune {
		fn(r)
	}
	r.start()
	return r
}

func (r *rig) start() {
	r.t.Helper()
	s, err := jobs.New(r.cfg, r.deps)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := s.Start(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	r.Service = s
	r.t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			r.t.Error(err)
		}
	})
}

func (r *rig) submit(prompt string, tune ...func(*jobs.Submit)) jobs.Job {
	r.t.Helper()
	sub := jobs.Submit{Model: "wan21", Client: "me", Request: jobstest.Ask(prompt)}
	for _, fn := range tune {
		fn(&sub)
	}
	got, _, err := r.Submit(r.t.Context(), []jobs.Submit{sub})
	if err != nil {
		r.t.Fatal(err)
	}
	return got[0]
}

func (r *rig) wait(id string) jobs.Job {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 2*time.Minute)
	defer cancel()
	j, err := r.Wait(ctx, id)
	if err != nil {
		r.t.Fatal(err)
	}
	return j
}

func TestJobCompletes(t *testing.T) {
	r := newRig(t, func(_ context.Context, c jobstest.Call) (*spec.Result, error) {
		c.Progress(spec.Progress{Phase: "denoise", Step: 1, Steps: 2})
		return jobstest.Stream(200, "video/mp4", jobstest.Clip(c.Request)), nil
	})
	j := r.wait(r.submit("a dog").ID)
	if j.State != jobs.Completed || j.Result == nil || j.Result.Size != 13 || len(j.Result.SHA256) != 64 || j.Attempts != 1 {
		t.Fatalf("%+v", j)
	}
	f, _, err := r.Open(t.Context(), j.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, _ := io.ReadAll(f); string(b) != "clip of a dog" {
		t.Fatalf("clip %q", b)
	}
	c := r.runner.Calls()[0]
	if c.Function != "wan21-fn" || c.Event.Headers["accept"] != "video/mp4, multipart/mixed;stream=auto" || c.Event.RawPath != "/generate" || c.JobID != j.ID {
		t.Fatalf("event %+v", c.Event)
	}
}

func TestRefusalIsFinal(t *testing.T) {
	r := newRig(t, func(context.Context, jobstest.Call) (*spec.Result, error) {
		return jobstest.Stream(400, "application/problem+json", []byte(`{"detail":"width must be a multiple of 16"}`)), nil
	})
	j := r.wait(r.submit("x").ID)
	if j.State != jobs.Failed || j.Attempts != 1 || j.Problem.Detail != "Width must be a multiple of 16." || j.Problem.Status != 400 {
		t.Fatalf("%+v %+v", j, j.Problem)
	}
}

func TestRetriesThenDead(t *testing.T) {
	r := newRig(t, func(context.Context, jobstest.Call) (*spec.Result, error) {
		return nil, fmt.Errorf("no instance: %w", errdefs.ErrUnavailable)
	})
	j := r.wait(r.submit("x").ID)
	if j.State != jobs.Dead || j.Attempts != 3 {
		t.Fatalf("%+v", j)
	}
	again, err := r.Retry(t.Context(), j.ID)
	if err != nil || again.State != jobs.Queued || again.Attempts != 0 {
		t.Fatalf("%+v, %v", again, err)
	}
}

// TestAttemptsThatFailedAreCounted also where the last one did not run.
func TestAttemptsThatFailedAreCounted(t *testing.T) {
	r := newRig(t, func(context.Context, jobstest.Call) (*spec.Result, error) {
		time.Sleep(20 * time.Millisecond)
		return nil, fmt.Errorf("no instance: %w", errdefs.ErrUnavailable)
	}, func(r *rig) {
		r.deps.Models = jobstest.Models{"wan21": {Name: "wan21", Function: "wan21-fn", Concurrency: 1, GPUs: 4}}
	})
	j := r.wait(r.submit("x").ID)
	if seconds, gpus := j.Spent(); seconds < 0.06 || gpus < 3.99*seconds || gpus > 4.01*seconds {
		t.Errorf("three attempts of 20 ms on four GPUs: %v s, %v GPU s", seconds, gpus)
	}
}

func TestBrokenStreamLeavesNoFile(t *testing.T) {
	var n atomic.Int32
	r := newRig(t, func(_ context.Context, c jobstest.Call) (*spec.Result, error) {
		if n.Add(1) == 1 {
			body := io.MultiReader(strings.NewReader("{}\x00\x00\x00\x00\x00\x00\x00\x00half"), errReader{errors.New("instance died")})
			return jobstest.Raw(body, spec.Trailer{FunctionError: "Unhandled", ErrorType: "Runtime.ExitError"}), nil
		}
		return jobstest.Stream(200, "video/mp4", jobstest.Clip(c.Request)), nil
	})
	j := r.wait(r.submit("x").ID)
	if j.State != jobs.Completed || j.Attempts != 2 {
		t.Fatalf("%+v %+v", j, j.Problem)
	}
	if names := files(t, r.dir); len(names) != 1 || names[0] != j.Result.File {
		t.Fatalf("files %v", names)
	}
}

type errReader struct{ error }

func (e errReader) Read([]byte) (int, error) { return 0, e.error }

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	for _, d := range []string{"outputs", "outputs/.partial"} {
		es, err := os.ReadDir(filepath.Join(dir, d))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range es {
			if !e.IsDir() {
				names = append(names, e.Name())
			}
		}
	}
	return names
}

func TestCancelRunning(t *testing.T) {
	up := make(chan struct{})
	r := newRig(t, func(ctx context.Context, _ jobstest.Call) (*spec.Result, error) {
		close(up)
		return jobstest.Block(ctx)
	})
	j := r.submit("x")
	<-up
	if _, err := r.Cancel(t.Context(), j.ID); err != nil {
		t.Fatal(err)
	}
	if j = r.wait(j.ID); j.State != jobs.Cancelled {
		t.Fatal(j.State)
	}
	if again, err := r.Cancel(t.Context(), j.ID); err != nil || again.State != jobs.Cancelled {
		t.Fatalf("second cancel: %v", err)
	}
}

// claims runs a function when a claim is in the store, before the service hears of it.
type claims struct {
	jobs.Backend
	then func(jobs.Job)
}

func (c *claims) Swap(ctx context.Context, old, next jobs.Job) (jobs.Job, error) {
	got, err := c.Backend.Swap(ctx, old, next)
	if err == nil && old.State == jobs.Queued && got.State == jobs.Running {
		c.then(got)
	}
	return got, err
}

func TestCancelAtTheMomentOfTheClaim(t *testing.T) {
	var r *rig
	ready := make(chan struct{})
	r = newRig(t, func(ctx context.Context, _ jobstest.Call) (*spec.Result, error) { return jobstest.Block(ctx) }, func(r *rig) {
		r.deps.Store = &claims{r.deps.Store, func(j jobs.Job) {
			<-ready
			if _, err := r.Cancel(context.Background(), j.ID); err != nil {
				t.Error(err)
			}
		}}
	})
	j := r.submit("x")
	close(ready)
	if j = r.wait(j.ID); j.State != jobs.Cancelled {
		t.Fatal(j.State)
	}
}

func TestCancelQueued(t *testing.T) {
	r := newRig(t, func(ctx context.Context, _ jobstest.Call) (*spec.Result, error) { return jobstest.Block(ctx) })
	r.submit("first")
	second := r.submit("second")
	if j, err := r.Cancel(t.Context(), second.ID); err != nil || j.State != jobs.Cancelled {
		t.Fatalf("%+v, %v", j, err)
	}
}

func TestStopRequeuesAndStartGoesOn(t *testing.T) {
	up := make(chan struct{}, 1)
	var block atomic.Bool
	block.Store(true)
	r := newRig(t, func(ctx context.Context, c jobstest.Call) (*spec.Result, error) {
		if block.Load() {
			up <- struct{}{}
			return jobstest.Block(ctx)
		}
		return jobstest.Stream(200, "video/mp4", jobstest.Clip(c.Request)), nil
	})
	j := r.submit("x")
	<-up
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, _ := r.Get(t.Context(), j.ID); got.State != jobs.Queued || got.Attempts != 0 || got.Lease != nil {
		t.Fatalf("after stop: %+v", got)
	}
	block.Store(false)
	r.start()
	if got := r.wait(j.ID); got.State != jobs.Completed || got.Attempts != 1 {
		t.Fatalf("after start: %+v", got)
	}
}

func TestIdempotency(t *testing.T) {
	r := newRig(t, nil)
	key := func(s *jobs.Submit) { s.Key = "k" }
	a := r.submit("x", key)
	got, replayed, err := r.Submit(t.Context(), []jobs.Submit{{Model: "wan21", Client: "me", Request: jobstest.Ask("x"), Key: "k"}})
	if err != nil || !replayed || got[0].ID != a.ID {
		t.Fatalf("%v, %v, %v", got, replayed, err)
	}
	if _, _, err = r.Submit(t.Context(), []jobs.Submit{{Model: "wan21", Client: "me", Request: jobstest.Ask("y"), Key: "k"}}); !errors.Is(err, jobs.ErrKeyReused) {
		t.Fatalf("other request under the same key: %v", err)
	}
}

func TestWatchTellsOrderAndResumes(t *testing.T) {
	release := make(chan struct{})
	r := newRig(t, func(_ context.Context, c jobstest.Call) (*spec.Result, error) {
		<-release
		for i := 1; i <= 3; i++ {
			c.Progress(spec.Progress{Phase: "denoise", Step: i, Steps: 3, Preview: []byte{0xff, 0xd8, 0xff}})
		}
		return jobstest.Stream(200, "video/mp4", []byte("x")), nil
	})
	j := r.submit("x")
	var types []string
	var mid string
	err := r.Watch(t.Context(), j.ID, "", func(e jobs.Event) error {
		if len(types) == 0 {
			close(release)
		}
		types = append(types, e.Type)
		if e.Type == "progress" && mid == "" {
			mid = e.ID
		}
		return nil
	})
	if err != nil || types[len(types)-1] != "completed" {
		t.Fatalf("%v, %v", types, err)
	}
	var rest []string
	if err := r.Watch(t.Context(), j.ID, mid, func(e jobs.Event) error { rest = append(rest, e.Type); return nil }); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(rest, " "); got != "progress preview progress completed" {
		t.Fatalf("resumed with %q", got)
	}
}

func TestDiskFullWaits(t *testing.T) {
	var full atomic.Bool
	r := newRig(t, nil, func(r *rig) {
		r.deps.Step = func(step string) error {
			if step == "write" && full.Load() {
				return unix.ENOSPC
			}
			return nil
		}
	})
	full.Store(true)
	j := r.submit("x")
	seen := make(chan struct{})
	go func() {
		_ = r.Watch(t.Context(), j.ID, "", func(e jobs.Event) error {
			if strings.Contains(string(e.Data), "disk space") {
				full.Store(false)
				close(seen)
				return io.EOF
			}
			return nil
		})
	}()
	<-seen
	if got := r.wait(j.ID); got.State != jobs.Completed || got.Attempts != 1 {
		t.Fatalf("%+v", got)
	}
}

func TestDiskFullRefusesSubmissions(t *testing.T) {
	r := newRig(t, nil, func(r *rig) { r.deps.Free = func(string) (uint64, error) { return 0, nil } })
	_, _, err := r.Submit(t.Context(), []jobs.Submit{{Model: "wan21", Request: jobstest.Ask("x")}})
	if !errors.Is(err, jobs.ErrDiskFull) {
		t.Fatal(err)
	}
}

func TestDeadlineWhileQueued(t *testing.T) {
	r := newRig(t, func(ctx context.Context, _ jobstest.Call) (*spec.Result, error) { return jobstest.Block(ctx) })
	first := r.submit("first")
	second := r.submit("second", func(s *jobs.Submit) { s.Deadline = 1 })
	if j := r.wait(second.ID); j.State != jobs.Failed || j.Problem.Kind != "deadline" {
		t.Fatalf("%+v", j)
	}
	if j, _ := r.Get(t.Context(), first.ID); j.State != jobs.Running {
		t.Fatalf("%+v", j)
	}
}

func TestWebhookIsRetried(t *testing.T) {
	calls := make(chan jobs.Notice, 4)
	var n atomic.Int32
	r := newRig(t, nil, func(r *rig) {
		r.cfg.HookRetry = jobs.Backoff{Base: time.Millisecond, Max: time.Millisecond}
		r.deps.Tell = func(_ context.Context, c jobs.Notice) error {
			calls <- c
			if n.Add(1) == 1 {
				return errors.New("it answered 500")
			}
			return nil
		}
	})
	j := r.submit("x", func(s *jobs.Submit) { s.Webhook = "http://hook.test/" })
	a, b := <-calls, <-calls
	if a.ID != b.ID || b.URL != "http://hook.test/" || b.Job.State != jobs.Completed || b.Job.Hook.Attempts != 2 {
		t.Fatalf("%+v", b)
	}
	r.wait(j.ID)
}

// TestAReceiverThatDoesNotAnswerHoldsUpNobody also asks that a stop does not wait for it, and that its hook is not forgotten.
func TestAReceiverThatDoesNotAnswerHoldsUpNobody(t *testing.T) {
	called := make(chan string, 2)
	r := newRig(t, nil, func(r *rig) {
		r.deps.Tell = func(ctx context.Context, c jobs.Notice) error {
			called <- c.URL
			if c.URL == "http://mute.test/" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
	})
	mute := r.submit("x", func(s *jobs.Submit) { s.Webhook = "http://mute.test/" })
	if url := <-called; url != "http://mute.test/" {
		t.Fatal(url)
	}
	quick := r.submit("y", func(s *jobs.Submit) { s.Webhook = "http://quick.test/" })
	r.until(quick.ID, func(j jobs.Job) bool { return !j.Hook.Delivered.IsZero() })
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if j, _ := r.Get(t.Context(), mute.ID); j.Hook.Due.IsZero() || !j.Hook.Delivered.IsZero() {
		t.Fatalf("%+v", j.Hook)
	}
}

func TestRefusalInAnyLanguage(t *testing.T) {
	r := newRig(t, func(context.Context, jobstest.Call) (*spec.Result, error) {
		return jobstest.Stream(400, "application/json", []byte(`{"detail":"é necessário um prompt"}`)), nil
	})
	if j := r.wait(r.submit("x").ID); j.Problem.Detail != "É necessário um prompt." {
		t.Fatalf("%q", j.Problem.Detail)
	}
}

func TestTidyRemovesWhatACrashLeft(t *testing.T) {
	r := newRig(t, nil)
	j := r.wait(r.submit("x").ID)
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"outputs/" + j.ID + ".9.mp4", "outputs/.partial/" + j.ID + ".1.mp4", "outputs/notes.txt"} {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r.start()
	got := files(t, r.dir)
	if len(got) != 2 || got[0] != j.Result.File || got[1] != "notes.txt" {
		t.Fatalf("files %v", got)
	}
}

func TestRetentionBySize(t *testing.T) {
	r := newRig(t, nil, func(r *rig) { r.cfg.KeepBytes = 20 })
	a := r.wait(r.submit("number one").ID)
	b := r.wait(r.submit("number two").ID)
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.start()
	deadline := time.After(10 * time.Second)
	for {
		got, err := r.Get(t.Context(), a.ID)
		if err == nil && got.Result.Removed {
			break
		}
		select {
		case <-deadline:
			t.Fatal("the oldest result is still there")
		case <-time.After(10 * time.Millisecond):
		}
	}
	if got, _ := r.Get(t.Context(), b.ID); got.Result.Removed {
		t.Fatal("the newest result went as well")
	}
}

// TestWatchTellsHowTheInstanceComesUp: also who comes when it has been on its way for a while.
func TestWatchTellsHowTheInstanceComesUp(t *testing.T) {
	told, release := make(chan struct{}), make(chan struct{})
	r := newRig(t, func(_ context.Context, c jobstest.Call) (*spec.Result, error) {
		c.Starting(spec.StartStep{Phase: spec.PhaseUnpack, Step: 2, Steps: 5, Done: 10, Total: 40})
		close(told)
		<-release
		c.Starting(spec.StartStep{Phase: spec.PhaseRun})
		return jobstest.Stream(200, "video/mp4", []byte("x")), nil
	})
	j := r.submit("x")
	<-told
	if p, ok := r.Progress(j.ID); !ok || p.Phase != "unpack" || p.Step != 2 || p.Steps != 5 || p.Done != 10 || p.Total != 40 {
		t.Errorf("%+v", p)
	}
	var seen []string
	err := r.Watch(t.Context(), j.ID, "", func(e jobs.Event) error {
		if e.Type == "progress" {
			if len(seen) == 0 {
				close(release)
			}
			seen = append(seen, string(e.Data))
		}
		return nil
	})
	if want := []string{`{"phase":"unpack","step":2,"steps":5,"done_bytes":10,"total_bytes":40}`, `{"phase":"run","step":0,"steps":0}`}; err != nil || !slices.Equal(seen, want) {
		t.Errorf("%q, %v", seen, err)
	}
}
