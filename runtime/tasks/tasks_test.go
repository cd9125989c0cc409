package tasks

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// program is a stand-in that says how it was called and goes on as the script says.
func program(t *testing.T, script string) *Runner {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "videosdgx")
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho \"$@\"\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	r := New(Options{Program: path, Checkpoints: filepath.Join(dir, "checkpoints"), Models: filepath.Join(dir, "models")})
	t.Cleanup(r.Stop)
	return r
}

func (r *Runner) await(t *testing.T, id string, want State) Task {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		for _, one := range r.List() {
			if one.ID == id && one.State == want {
				return one
			}
		}
	}
	t.Fatalf("task %s does not become %s: %+v", id, want, r.List())
	return Task{}
}

func TestATaskIsRunAndFollowed(t *testing.T) {
	r := program(t, "mkdir -p \"$5\"; echo 'in all 4 GiB of 8 GiB, 50 %'; echo end >&2\n")
	a, err := r.Start(Wish{Kind: "pull", Repository: "team/model"})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	if err := r.Log(t.Context(), a.ID, &log); err != nil {
		t.Fatal(err)
	}
	if got := log.String(); !strings.HasPrefix(got, "models pull team/model -o ") || !strings.HasSuffix(got, "50 %\nend\n") {
		t.Errorf("the log is %q", got)
	}
	if one := r.await(t, a.ID, Done); one.Progress != 100 || one.Line != "end" || one.Ended.IsZero() {
		t.Errorf("%+v", one)
	}
	if got := r.Checkpoints(); len(got) != 1 || got[0] != "model" {
		t.Errorf("checkpoints: %v", got)
	}
	b, err := r.Start(Wish{Kind: "build", Checkpoint: "model"})
	if err != nil {
		t.Fatal(err)
	}
	log.Reset()
	if err := r.Log(t.Context(), b.ID, &log); err != nil || !strings.Contains(log.String(), "/models/model") {
		t.Errorf("%v %q", err, log.String())
	}
}

func TestTasksFailAreCancelledAndWait(t *testing.T) {
	r := program(t, "[ $3 = team/bad ] && echo 'no such repository' && exit 1\nsleep 60 & wait\n")
	bad, _ := r.Start(Wish{Kind: "pull", Repository: "team/bad"})
	if one := r.await(t, bad.ID, Failed); one.Line != "no such repository" {
		t.Errorf("%+v", one)
	}
	long, _ := r.Start(Wish{Kind: "pull", Repository: "team/long"})
	r.await(t, long.ID, Running)
	next, _ := r.Start(Wish{Kind: "pull", Repository: "team/next"})
	r.await(t, next.ID, Waiting)
	for _, id := range []string{next.ID, long.ID} {
		if err := r.Cancel(id); err != nil {
			t.Error(err)
		}
		r.await(t, id, Cancelled)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Log(ctx, "99", &bytes.Buffer{}); !errdefs.IsNotFound(err) {
		t.Error(err)
	}
}

func TestAWishIsNoWayToOtherCommands(t *testing.T) {
	r := program(t, "")
	for _, w := range []Wish{{}, {Kind: "serve"}, {Kind: "pull", Repository: "--help"}, {Kind: "pull", Repository: "a/../b"}, {Kind: "pull", Repository: "a/b c"}, {Kind: "build", Checkpoint: "../x"},
		{Kind: "build", Checkpoint: "-x"}, {Kind: "build", Checkpoint: "x", Name: "/etc"}} {
		if _, err := r.Start(w); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%+v: %v", w, err)
		}
	}
	if _, err := r.Start(Wish{Kind: "build", Checkpoint: "none"}); !errdefs.IsNotFound(err) {
		t.Error(err)
	}
}

func TestNothingBeginsWhereThereIsNoRoom(t *testing.T) {
	r := program(t, `echo "limit $VIDEOSDGX_MODELS_LIMIT"`)
	full := fmt.Errorf("no room: %w", errdefs.ErrResourceExhausted)
	r.o.Env, r.o.Room = []string{"VIDEOSDGX_MODELS_LIMIT=7GiB"}, func() error { return full }
	if _, err := r.Start(Wish{Kind: "pull", Repository: "team/model"}); !errdefs.IsResourceExhausted(err) || len(r.List()) != 0 {
		t.Errorf("%v, %d tasks", err, len(r.List()))
	}
	full = nil
	one, err := r.Start(Wish{Kind: "pull", Repository: "team/model"})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	if err := r.Log(t.Context(), one.ID, &log); err != nil || !strings.HasSuffix(log.String(), "limit 7GiB\n") {
		t.Errorf("%q %v", log.String(), err)
	}
}
