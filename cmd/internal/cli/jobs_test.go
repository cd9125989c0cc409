package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/client"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/rest"
	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/jobs/sqlite"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// jobServer serves the real queue under a scripted function.
func jobServer(t *testing.T, script func(context.Context, jobstest.Call) (*spec.Result, error)) string {
	t.Helper()
	dir := t.TempDir()
	store, err := sqlite.Open(t.Context(), filepath.Join(dir, "jobs.db"))
	if err != nil {
		t.Fatal(err)
	}
	models := jobstest.Models{"wan21": {Name: "wan21", Function: "wan21", Concurrency: 1}}
	svc, err := jobs.New(jobs.Config{Outputs: filepath.Join(dir, "outputs"), MinFree: 1},
		jobs.Deps{Store: store, Runner: &jobstest.Runner{Script: script}, Models: models, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := svc.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(gateway.New(gateway.Options{Routes: []gateway.Routes{rest.New(rest.Options{Jobs: svc, Models: models})}}).Handler())
	t.Cleanup(func() {
		if err := svc.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		srv.CloseClientConnections()
		srv.Close()
		store.Close()
	})
	return srv.URL
}

func runCLI(t *testing.T, ctx context.Context, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	root := Root()
	var out, log bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&log)
	root.SetArgs(args)
	err = root.ExecuteContext(ctx)
	return out.String(), log.String(), err
}

func TestAJobSaysWhichFilesItCameWith(t *testing.T) {
	var out bytes.Buffer
	if err := describeJob(&out, client.Job{ID: "7", Files: []string{"image", "last_image"}}); err != nil || !strings.Contains(out.String(), "image, last_image") {
		t.Errorf("%v\n%s", err, &out)
	}
	out.Reset()
	if err := describeJob(&out, client.Job{ID: "7"}); err != nil || strings.Contains(out.String(), "files") {
		t.Errorf("%v\n%s", err, &out)
	}
}

func TestGenerateSavesTheClip(t *testing.T) {
	url := jobServer(t, func(_ context.Context, c jobstest.Call) (*spec.Result, error) {
		c.Progress(spec.Progress{Phase: "denoise", Step: 1, Steps: 2})
		return jobstest.Stream(200, "video/mp4", []byte(fmt.Sprintf("%s %d", c.Request.Prompt, *c.Request.Seed))), nil
	})
	to := filepath.Join(t.TempDir(), "clip.mp4")
	out, _, err := runCLI(t, t.Context(), "generate", "a dog", "--server", url, "--model", "wan21", "--seed", "0", "--output", to)
	if err != nil || strings.TrimSpace(out) != to {
		t.Fatalf("%q, %v", out, err)
	}
	if b, _ := os.ReadFile(to); string(b) != "a dog 0" {
		t.Fatalf("%q", b)
	}
	folder := t.TempDir()
	out, _, err = runCLI(t, t.Context(), "generate", "A ../ Dog", "--server", url, "-o", folder, "--json", "--seed", "3")
	var g generated
	if err != nil || json.Unmarshal([]byte(out), &g) != nil || g.Status != "completed" || filepath.Dir(g.File) != folder || !strings.HasPrefix(filepath.Base(g.File), "a-dog-") {
		t.Fatalf("%s, %v", out, err)
	}
	if out, _, err = runCLI(t, t.Context(), "jobs", "ls", "--server", url); err != nil || strings.Count(out, "completed") != 2 {
		t.Fatalf("%s, %v", out, err)
	}
	if out, _, err = runCLI(t, t.Context(), "jobs", "show", g.ID, "--server", url); err != nil || !strings.Contains(out, `"seed":3`) {
		t.Fatalf("%s, %v", out, err)
	}
	if out, _, err = runCLI(t, t.Context(), "jobs", "download", g.ID, "-o", "-", "--server", url); err != nil || out != "A ../ Dog 3" {
		t.Fatalf("%q, %v", out, err)
	}
	if out, _, err = runCLI(t, t.Context(), "jobs", "watch", g.ID, "--json", "--server", url); err != nil || !strings.Contains(out, `"event":"completed"`) {
		t.Fatalf("%s, %v", out, err)
	}
}

func TestGenerateSaysWhatIsWrong(t *testing.T) {
	url := jobServer(t, nil)
	_, _, err := runCLI(t, t.Context(), "generate", "x", "--server", url, "--steps", "0", "--fps", "999")
	if err == nil || !strings.Contains(err.Error(), "num_inference_steps is 0") || !strings.Contains(err.Error(), "fps is 999") {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"a\xff"}, {"x", "--negative", "\xfe"}} { // JSON would carry U+FFFD in their place
		if _, _, err = runCLI(t, t.Context(), append([]string{"generate", "--server", url}, args...)...); err == nil || !strings.Contains(err.Error(), "UTF-8") {
			t.Fatal(err)
		}
	}
	if _, _, err = runCLI(t, t.Context(), "generate", "x", "--server", url, "--model", "ltx2"); err == nil || !strings.Contains(err.Error(), "ltx2") {
		t.Fatal(err)
	}
}

func TestGenerateAsksForTheFolderFirst(t *testing.T) {
	url := jobServer(t, nil)
	_, _, err := runCLI(t, t.Context(), "generate", "x", "--server", url, "-o", filepath.Join(t.TempDir(), "none", "clip.mp4"))
	if err == nil || !strings.Contains(err.Error(), "cannot be saved in") {
		t.Fatal(err)
	}
	if out, _, err := runCLI(t, t.Context(), "jobs", "ls", "--server", url, "--json"); err != nil || !strings.Contains(out, `"jobs": []`) {
		t.Fatalf("a job was made: %s, %v", out, err)
	}
}

func TestInterruptCancelsTheJob(t *testing.T) {
	up := make(chan struct{})
	url := jobServer(t, func(ctx context.Context, _ jobstest.Call) (*spec.Result, error) {
		close(up)
		return jobstest.Block(ctx)
	})
	ctx, interrupt := context.WithCancel(t.Context())
	go func() { <-up; interrupt() }()
	_, _, err := runCLI(t, ctx, "generate", "x", "--server", url)
	var exit *ExitError
	if !errors.As(err, &exit) || exit.Code != 130 {
		t.Fatal(err)
	}
	out, _, err := runCLI(t, t.Context(), "jobs", "ls", "--state", "cancelled", "--json", "--server", url)
	if err != nil || !strings.Contains(out, `"cancelled"`) {
		t.Fatalf("%s, %v", out, err)
	}
}

// An interrupt that comes while the job is being made cancels it as well.
func TestInterruptOfTheSubmissionCancelsTheJob(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	cancelled := make(chan string, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodPost:
			interrupt()
			time.Sleep(20 * time.Millisecond)
			io.WriteString(w, `{"id":"a-job"}`)
		case http.MethodDelete:
			cancelled <- r.URL.Path
			io.WriteString(w, "{}")
		}
	}))
	defer srv.Close()
	_, _, err := runCLI(t, ctx, "generate", "x", "--model", "m", "--server", srv.URL)
	var exit *ExitError
	if !errors.As(err, &exit) || exit.Code != 130 {
		t.Fatal(err)
	}
	if path := <-cancelled; !strings.HasSuffix(path, "/a-job") {
		t.Error(path)
	}
}

func TestCancelAndRetry(t *testing.T) {
	url := jobServer(t, func(ctx context.Context, _ jobstest.Call) (*spec.Result, error) { return jobstest.Block(ctx) })
	id, _, err := runCLI(t, t.Context(), "generate", "x", "--detach", "--server", url)
	if id = strings.TrimSpace(id); err != nil || len(id) != 36 {
		t.Fatalf("%q, %v", id, err)
	}
	if out, _, err := runCLI(t, t.Context(), "jobs", "cancel", id, "--server", url); err != nil || !strings.Contains(out, "is cancelled") {
		t.Fatalf("%q, %v", out, err)
	}
	if out, _, err := runCLI(t, t.Context(), "jobs", "retry", id, "--server", url); err != nil || !strings.Contains(out, "is queued") {
		t.Fatalf("%q, %v", out, err)
	}
	if out, _, err := runCLI(t, t.Context(), "jobs", "cancel", id, "--purge", "--json", "--server", url); err != nil || !strings.Contains(out, `"removed": "`+id+`"`) {
		t.Fatalf("%q, %v", out, err)
	}
	if _, _, err := runCLI(t, t.Context(), "jobs", "show", id, "--server", url); err == nil || !strings.Contains(err.Error(), "there is no job") {
		t.Fatalf("purged while it ran, and still there: %v", err)
	}
	if _, _, err := runCLI(t, t.Context(), "jobs", "show", "../../etc/passwd", "--server", url); err == nil || !strings.Contains(err.Error(), "there is no job") {
		t.Fatal(err)
	}
}

func TestJobsPriority(t *testing.T) {
	up := make(chan struct{}, 1)
	url := jobServer(t, func(ctx context.Context, _ jobstest.Call) (*spec.Result, error) {
		up <- struct{}{}
		return jobstest.Block(ctx)
	})
	submit := func() string {
		id, _, err := runCLI(t, t.Context(), "generate", "x", "--detach", "--server", url)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(id)
	}
	submit()
	<-up
	first, last := submit(), submit()
	out, _, err := runCLI(t, t.Context(), "jobs", "priority", last, "low", "--server", url)
	if err != nil || !strings.Contains(out, "has priority low") {
		t.Fatalf("%q, %v", out, err)
	}
	if out, _, err = runCLI(t, t.Context(), "jobs", "priority", last, "high", "--json", "--server", url); err != nil || !strings.Contains(out, `"priority": "high"`) {
		t.Fatalf("%q, %v", out, err)
	}
	var exit *ExitError
	if _, _, err = runCLI(t, t.Context(), "jobs", "priority", first, "urgent", "--server", url); !errors.As(err, &exit) || exit.Code != 2 || !strings.Contains(err.Error(), "write high, normal, low") {
		t.Errorf("%v", err)
	}
	if _, _, err := runCLI(t, t.Context(), "jobs", "cancel", first, "--server", url); err != nil {
		t.Fatal(err)
	}
	if _, _, err = runCLI(t, t.Context(), "jobs", "priority", first, "high", "--server", url); err == nil || !strings.Contains(err.Error(), "only a job that waits") {
		t.Errorf("%v", err)
	}
}

// TestGenerateOutlivesARestart stops the service under a running command and starts another on the same data.
func TestGenerateOutlivesARestart(t *testing.T) {
	dir := t.TempDir()
	store, err := sqlite.Open(t.Context(), filepath.Join(dir, "jobs.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	up, again := make(chan struct{}), make(chan struct{})
	var runs atomic.Int32
	models := jobstest.Models{"wan21": {Name: "wan21", Function: "wan21", Concurrency: 1}}
	runner := &jobstest.Runner{Script: func(ctx context.Context, c jobstest.Call) (*spec.Result, error) {
		if runs.Add(1) == 1 {
			close(up)
			return jobstest.Block(ctx)
		}
		<-again
		return jobstest.Stream(200, "video/mp4", jobstest.Clip(c.Request)), nil
	}}
	start := func() (*jobs.Service, http.Handler) {
		svc, err := jobs.New(jobs.Config{Outputs: filepath.Join(dir, "outputs"), MinFree: 1}, jobs.Deps{Store: store, Runner: runner, Models: models, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if err := svc.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		return svc, gateway.New(gateway.Options{Routes: []gateway.Routes{rest.New(rest.Options{Jobs: svc, Models: models})}}).Handler()
	}
	var now atomic.Pointer[http.Handler]
	svc, h := start()
	now.Store(&h)
	followed := make(chan struct{}) // the command has its job, and asks for its events
	follow := sync.OnceFunc(func() { close(followed) })
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/events") {
			follow()
		}
		(*now.Load()).ServeHTTP(w, r)
	}))
	defer srv.Close()
	to, done := filepath.Join(dir, "clip.mp4"), make(chan error, 1)
	go func() {
		_, _, err := runCLI(t, t.Context(), "generate", "x", "--server", srv.URL, "-o", to)
		done <- err
	}()
	<-up
	<-followed
	if err := svc.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	srv.CloseClientConnections()
	next, h2 := start()
	defer func() { next.Stop(context.Background()) }()
	now.Store(&h2)
	close(again)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(to); string(b) != "clip of x" || runs.Load() != 2 {
		t.Fatalf("%q after %d runs", b, runs.Load())
	}
}
