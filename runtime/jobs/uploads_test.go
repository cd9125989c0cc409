package jobs_test

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/jobs/sqlite"
)

// meeting is a body of ten bytes whose first comes once all that share it are read from: each was let in before any was kept.
type meeting struct {
	io.Reader
	all  *sync.WaitGroup
	once sync.Once
}

func (m *meeting) Read(p []byte) (int, error) {
	m.once.Do(func() { m.all.Done(); m.all.Wait() })
	return m.Reader.Read(p)
}

func TestUploadsAtOnceShareTheirRoom(t *testing.T) {
	dir := t.TempDir()
	store, err := sqlite.Open(t.Context(), filepath.Join(dir, "jobs.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	s, err := jobs.New(jobs.Config{Outputs: filepath.Join(dir, "outputs"), MinFree: 1, MaxUploads: 4 * 25},
		jobs.Deps{Store: store, Runner: &jobstest.Runner{}, Models: jobstest.Models{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	const n = 8
	var all, done sync.WaitGroup
	all.Add(n)
	kept := make(chan error, n)
	for range n {
		done.Go(func() {
			_, err := s.Upload(context.Background(), "alice", "", &meeting{Reader: strings.NewReader("0123456789"), all: &all}, 100)
			kept <- err
		})
	}
	done.Wait()
	close(kept)
	good := 0
	for err := range kept {
		if err == nil {
			good++
		} else if !errdefs.IsResourceExhausted(err) {
			t.Error(err)
		}
	}
	if good != 2 {
		t.Errorf("%d uploads of 10 bytes are kept where one owner may have 25", good)
	}
}
