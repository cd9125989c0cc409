package instance

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// failing is a driver that cannot create.
type failing struct{ Sandbox }

func (failing) Info() Info                                  { return Info{} }
func (failing) Create(context.Context, Config) (Box, error) { return nil, errors.New("disk full") }

func TestFailedCreationLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	i := New(Config{ID: "x", Dir: dir + "/run/x", Log: dir + "/log/x.log"}, failing{}, slog.New(slog.DiscardHandler), nil)
	if _, err := i.Stage(t.Context()); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("got %v", err)
	}
	i.Stop(t.Context(), 0)
	i.Stop(t.Context(), 0)
	if left, _ := filepath.Glob(dir + "/run/*"); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	if s := i.Status(); s.State != spec.Stopped {
		t.Errorf("state %s", s.State)
	}
	over := false
	_, err := i.Invoke(t.Context(), &spec.Invocation{}, func(bool) { over = true })
	var lost *NotDelivered
	if !errors.As(err, &lost) || !over {
		t.Errorf("an event for a stopped instance: %v", err)
	}
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if got := tail(path, 3); got != "" {
		t.Errorf("of no file: %q", got)
	}
	text := strings.Repeat("a line that is long enough to matter\n", 1000) + "x\ny\nz\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := tail(path, 3); got != "x\ny\nz" {
		t.Errorf("got %q", got)
	}
}
