package cuda

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
)

// script is a stand-in for cuda-checkpoint that notes its arguments and then does what body says.
func script(t *testing.T, body string) (Tool, func() string) {
	t.Helper()
	dir := t.TempDir()
	path, log := filepath.Join(dir, "cuda-checkpoint"), filepath.Join(dir, "log")
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho \"$@\" >> "+log+"\n"+body+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return Tool{Path: path}, func() string { b, _ := os.ReadFile(log); return strings.TrimSpace(string(b)) }
}

func TestToolGetsActionTimeoutAndProcess(t *testing.T) {
	tool, log := script(t, "true")
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	if _, err := Freeze(ctx, tool, []int{31}); err != nil {
		t.Fatal(err)
	}
	if _, err := Thaw(ctx, tool, []int{31}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(log(), "\n")
	if !strings.HasPrefix(lines[0], "--action lock --timeout 35") {
		t.Error(lines[0])
	}
	if got := strings.Join(lines[1:], ", "); got != "--action checkpoint --pid 31, --action restore --pid 31, --action unlock --pid 31" {
		t.Error(got)
	}
}

func TestToolTellsTheState(t *testing.T) {
	tool, _ := script(t, "echo checkpointed")
	if s, err := tool.State(context.Background(), 31); s != Checkpointed || err != nil {
		t.Error(s, err)
	}
	tool, _ = script(t, "echo asleep")
	if _, err := tool.State(context.Background(), 31); !errdefs.IsInternal(err) || !strings.Contains(err.Error(), "asleep") {
		t.Error(err)
	}
}

func TestToolsWordsBecomeResults(t *testing.T) {
	tool, _ := script(t, `echo 'Error toggling CUDA in process ID 31: "OS call failed or operation not supported on this OS"' >&2; exit 1`)
	err := tool.Checkpoint(context.Background(), 31)
	var e *Error
	if !errors.As(err, &e) || e.Name != "CUDA_ERROR_NOT_SUPPORTED" || !errdefs.IsNotImplemented(err) {
		t.Error(err)
	}
	tool, _ = script(t, "echo strange >&2; exit 3")
	if err := tool.Restore(context.Background(), 31); !errdefs.IsInternal(err) || !strings.Contains(err.Error(), "EXIT_3") {
		t.Error(err)
	}
	if err := (Tool{Path: "/nowhere/cuda-checkpoint"}).Lock(context.Background(), 31); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
