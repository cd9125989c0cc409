package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/jobs/sqlite"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// smallDisk mounts a file system of the given size in a folder of the test.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("VIDEOSDGX_TEST_CONTAINERD") == "1" {
			t.Fatal("a small disk needs root to mount")
		}
		t.Skip("a small disk needs root to mount: a really full disk was NOT tested")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestReallyFullDisk writes a clip that does not fit, makes room, and asks that the job completes by itself.
func TestReallyFullDisk(t *testing.T) {
	disk := smallDisk(t, "1m")
	r := newRig(t, func(_ context.Context, c jobstest.Call) (*spec.Result, error) {
		return jobstest.Stream(200, "video/mp4", bytes.Repeat([]byte("x"), 2<<20)), nil
	}, func(r *rig) { r.cfg.Outputs = filepath.Join(disk, "outputs") })
	j := r.submit("x")
	waiting := make(chan struct{})
	stop := errors.New("seen")
	go func() {
		_ = r.Watch(context.Background(), j.ID, "", func(e jobs.Event) error {
			if bytes.Contains(e.Data, []byte("disk space")) {
				close(waiting)
				return stop
			}
			return nil
		})
	}()
	<-waiting
	if got, _ := filepath.Glob(filepath.Join(disk, "outputs", ".partial", "*.mp4")); len(got) > 1 {
		t.Fatalf("partial files pile up: %v", got)
	}
	if err := unix.Mount("", disk, "", unix.MS_REMOUNT, "size=8m"); err != nil {
		t.Fatal(err)
	}
	if got := r.wait(j.ID); got.State != jobs.Completed || got.Result.Size != 2<<20 || got.Attempts != 1 {
		t.Fatalf("%+v %+v", got, got.Problem)
	}
}

// TestFullDatabaseDisk fills the disk under the store: a submission is refused as disk-full, and what was acknowledged
// before is still there.
func TestFullDatabaseDisk(t *testing.T) {
	disk := smallDisk(t, "2m")
	s, err := sqlite.Open(t.Context(), filepath.Join(disk, "jobs.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var acked []string
	for range 1000 {
		j := jobstest.Job("m", "c", jobs.Normal)
		if err = s.Insert(t.Context(), []jobs.Fresh{{Job: j, Payload: bytes.Repeat([]byte("x"), 20<<10)}}); err != nil {
			break
		}
		acked = append(acked, j.ID)
	}
	if !errors.Is(err, jobs.ErrDiskFull) {
		t.Fatalf("after %d jobs: %v", len(acked), err)
	}
	for _, id := range acked {
		if _, err := s.Get(t.Context(), id); err != nil {
			t.Fatalf("an acknowledged job is gone: %v", err)
		}
	}
}

// TestAWebhookIsGivenUp: after its last attempt, or as soon as the receiver wants no more.
func TestAWebhookIsGivenUp(t *testing.T) {
	r := newRig(t, nil, func(r *rig) {
		r.cfg.HookRetry, r.cfg.HookAttempts = jobs.Backoff{Base: time.Millisecond, Max: time.Millisecond}, 3
		r.deps.Tell = func(_ context.Context, n jobs.Notice) error {
			if n.URL == "http://gone.test/" {
				return fmt.Errorf("http://gone.test/: %w", jobs.ErrHookGone)
			}
			return errors.New("it answered 302")
		}
	})
	a := r.submit("x", func(s *jobs.Submit) { s.Webhook = "http://moved.test/" })
	b := r.submit("y", func(s *jobs.Submit) { s.Webhook = "http://gone.test/" })
	r.until(a.ID, func(j jobs.Job) bool { return j.Hook.Due.IsZero() && j.Hook.Attempts == 3 && j.Hook.Delivered.IsZero() })
	r.until(b.ID, func(j jobs.Job) bool { return j.State.Ended() && j.Hook.Due.IsZero() && j.Hook.Attempts == 1 })
}

// until waits for a record to become what is wanted.
func (r *rig) until(id string, ok func(jobs.Job) bool) {
	r.t.Helper()
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		j, err := r.Get(context.Background(), id)
		if err == nil && ok(j) {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("still %+v %+v, %v", j, j.Hook, err)
		}
	}
}

func TestRetentionByAge(t *testing.T) {
	var shift time.Duration
	r := newRig(t, nil, func(r *rig) {
		r.cfg.KeepFor = time.Hour
		r.deps.Now = func() time.Time { return time.Now().Add(shift) }
	})
	j := r.wait(r.submit("x").ID)
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	shift = 2 * time.Hour
	r.start()
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := r.Get(t.Context(), j.ID); err != nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the old job is still there")
		}
	}
	if names := files(t, r.dir); len(names) != 0 {
		t.Fatalf("files %v", names)
	}
}
