package sqlite

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"go.uber.org/goleak"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func opener(t *testing.T) jobstest.Open {
	path := filepath.Join(t.TempDir(), "jobs?#%.db")
	return func(t *testing.T) jobs.Backend {
		t.Helper()
		s, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

func TestConformance(t *testing.T) { jobstest.Run(t, opener) }

func TestSecondProcessIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jobs.db")
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := Open(t.Context(), path); !errdefs.IsFailedPrecondition(err) {
		t.Fatalf("second open: %v", err)
	}
}

// TestDurability holds the connection to what the promise of no loss rests on.
func TestDurability(t *testing.T) {
	s := opener(t)(t).(*Store)
	defer s.Close()
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2"} {
		var got string
		if err := s.write.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || !strings.EqualFold(got, want) {
			t.Errorf("%s is %q, want %q (%v)", pragma, got, want, err)
		}
	}
}

func TestClosed(t *testing.T) {
	s := opener(t)(t)
	s.Close()
	if err := s.Insert(t.Context(), []jobs.Fresh{{Job: jobstest.Job("m", "c", 0)}}); !errdefs.IsUnavailable(err) {
		t.Fatalf("insert after close: %v", err)
	}
}
