package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/jobs/sqlite"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// limited is a service with limits.
func limited(t *testing.T, dir string, q jobs.Quota, maxJobs int, script func(context.Context, jobstest.Call) (*spec.Result, error)) *jobs.Service {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(dir, "jobs.db"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := jobs.New(jobs.Config{Outputs: filepath.Join(dir, "outputs"), MinFree: 1, Quota: q}, jobs.Deps{Store: store, Runner: &jobstest.Runner{Script: script},
		Models: jobstest.Models{"m": {Name: "m", Function: "m", Concurrency: 1, Instances: 1, MaxJobs: maxJobs}, "n": {Name: "n", Function: "n", Concurrency: 1}}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Stop(context.Background()), store.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func ask(s *jobs.Service, model, client string, n int) ([]jobs.Job, error) {
	subs := make([]jobs.Submit, n)
	for i := range subs {
		subs[i] = jobs.Submit{Model: model, Client: client, Request: jobstest.Ask(fmt.Sprint(i))}
	}
	all, _, err := s.Submit(context.Background(), subs)
	return all, err
}

// refused wants an error that says when to come again.
func refused(t *testing.T, what string, err error) {
	t.Helper()
	var retry *spec.RetryError
	if !errdefs.IsResourceExhausted(err) || !errors.As(err, &retry) || retry.After <= 0 {
		t.Errorf("%s: %v", what, err)
	}
}

func TestJobsThatWaitAreLimited(t *testing.T) {
	s := limited(t, t.TempDir(), jobs.Quota{Queued: 3}, 5, func(ctx context.Context, _ jobstest.Call) (*spec.Result, error) { return jobstest.Block(ctx) })
	first, err := ask(s, "m", "alice", 1)
	if err != nil {
		t.Fatal(err)
	}
	for running := 0; running == 0; _, running, _ = s.Load(t.Context(), "m") {
		time.Sleep(5 * time.Millisecond)
	}
	if _, err := ask(s, "m", "alice", 3); err != nil { // one runs
		t.Fatal(err)
	}
	_, err = ask(s, "m", "alice", 1)
	refused(t, "a fourth that waits", err)
	_, err = ask(s, "m", "bob", 3)
	refused(t, "a sixth of the model", err)
	if _, err := ask(s, "m", "bob", 2); err != nil {
		t.Errorf("another client pays for it: %v", err)
	}
	if _, err := ask(s, "n", "carol", 3); err != nil {
		t.Errorf("another model pays for it: %v", err)
	}
	if _, err := s.Cancel(t.Context(), first[0].ID); err != nil {
		t.Error(err)
	}
}

// wait follows a job to its last event.
func wait(t *testing.T, s *jobs.Service, id string) jobs.Job {
	t.Helper()
	if err := s.Watch(t.Context(), id, "", func(jobs.Event) error { return nil }); err != nil {
		t.Fatal(err)
	}
	j, err := s.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// What a client has used is known after a restart, too.
func TestComputingAndClipsAreLimited(t *testing.T) {
	dir := t.TempDir()
	slow := func(_ context.Context, c jobstest.Call) (*spec.Result, error) {
		time.Sleep(60 * time.Millisecond)
		return jobstest.Stream(200, "video/mp4", []byte("0123456789")), nil
	}
	t.Run("first", func(t *testing.T) {
		s := limited(t, dir, jobs.Quota{Bytes: 10}, 0, slow)
		one, err := ask(s, "m", "alice", 1)
		if err != nil {
			t.Fatal(err)
		}
		if j := wait(t, s, one[0].ID); j.State != jobs.Completed {
			t.Fatalf("%+v", j)
		}
		_, err = ask(s, "m", "alice", 1)
		refused(t, "more clips", err)
		if _, err := ask(s, "m", "bob", 1); err != nil {
			t.Errorf("another client pays for it: %v", err)
		}
	})
	t.Run("computing, after a restart", func(t *testing.T) {
		s := limited(t, dir, jobs.Quota{Seconds: 0.05}, 0, slow)
		_, err := ask(s, "m", "alice", 1)
		refused(t, "more computing", err)
		if _, err := ask(s, "m", "carol", 1); err != nil {
			t.Errorf("another client pays for it: %v", err)
		}
	})
	t.Run("clips that are removed make room", func(t *testing.T) {
		s := limited(t, dir, jobs.Quota{Bytes: 10}, 0, slow)
		_, err := ask(s, "m", "alice", 1)
		refused(t, "more clips", err)
		all, err := s.List(t.Context(), jobs.Filter{Client: "alice"})
		if err != nil || len(all) != 1 {
			t.Fatalf("%d, %v", len(all), err)
		}
		if err := s.Purge(t.Context(), all[0].ID); err != nil {
			t.Fatal(err)
		}
		if _, err := ask(s, "m", "alice", 1); err != nil {
			t.Error(err)
		}
	})
}

// A job that is queued again waits like any other: cancelling and retrying are no way around what a client may have.
func TestWhatIsRetriedIsLimited(t *testing.T) {
	s := limited(t, t.TempDir(), jobs.Quota{Queued: 1}, 0, func(ctx context.Context, _ jobstest.Call) (*spec.Result, error) { return jobstest.Block(ctx) })
	if _, err := ask(s, "m", "alice", 1); err != nil {
		t.Fatal(err)
	}
	for running := 0; running == 0; _, running, _ = s.Load(t.Context(), "m") {
		time.Sleep(5 * time.Millisecond)
	}
	first, err := ask(s, "m", "alice", 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Cancel(t.Context(), first[0].ID); err != nil {
		t.Fatal(err)
	}
	second, err := ask(s, "m", "alice", 1)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Retry(t.Context(), first[0].ID)
	refused(t, "a second that waits", err)
	if _, err := s.Cancel(t.Context(), second[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Retry(t.Context(), first[0].ID); err != nil {
		t.Errorf("where there is room: %v", err)
	}
}
