//go:build cgo && linux

package cuda

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
)

const childLibrary = "CUDA_TEST_CHILD_LIBRARY"

// TestMain is also the process that Trial freezes.
func TestMain(m *testing.M) {
	if lib := os.Getenv(childLibrary); lib != "" {
		if err := ServeTrial(lib, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// fake builds a driver library and gives it, its path and a reader of the calls it got.
func fake(t *testing.T, flags ...string) (*Library, string, func() string) {
	t.Helper()
	dir := t.TempDir()
	path, log := filepath.Join(dir, "libcuda.so.1"), filepath.Join(dir, "calls")
	args := append([]string{"-shared", "-fPIC", "-w", "-o", path, "testdata/fakecuda.c"}, flags...)
	if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	t.Setenv("FAKE_LOG", log)
	l, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return l, path, func() string {
		b, _ := os.ReadFile(log)
		os.Remove(log)
		return strings.ReplaceAll(strings.TrimSpace(string(b)), "\n", ", ")
	}
}

func TestFreezeAndThawCallTheDriverInOrder(t *testing.T) {
	l, _, calls := fake(t)
	ctx, pids := context.Background(), []int{11, 12}
	if _, err := Freeze(ctx, l, pids); err != nil {
		t.Fatal(err)
	}
	if got := calls(); got != "Lock 11 10000, Lock 12 10000, Checkpoint 11 0, Checkpoint 12 0" {
		t.Error(got)
	}
	if s, err := l.State(ctx, 12); s != Checkpointed || err != nil {
		t.Error(s, err)
	}
	if _, err := Thaw(ctx, l, pids); err != nil {
		t.Fatal(err)
	}
	if got := calls(); got != "Restore 11 0, Restore 12 0, Unlock 11 0, Unlock 12 0" {
		t.Error(got)
	}
	if s, err := l.State(ctx, 11); s != Running || err != nil {
		t.Error(s, err)
	}
}

func TestErrorsCarryNameAndClass(t *testing.T) {
	l, _, _ := fake(t)
	for _, c := range []struct {
		fail, name string
		class      error
	}{
		{"cuCheckpointProcessLock=600", "CUDA_ERROR_NOT_READY", context.DeadlineExceeded},
		{"cuCheckpointProcessLock=801", "CUDA_ERROR_NOT_SUPPORTED", errdefs.ErrNotImplemented},
		{"cuCheckpointProcessLock=2", "CUDA_ERROR_OUT_OF_MEMORY", errdefs.ErrResourceExhausted},
		{"cuCheckpointProcessLock=9999", "CUDA_ERROR_UNKNOWN_TO_THE_DRIVER", errdefs.ErrInternal},
	} {
		t.Setenv("FAKE_FAIL", c.fail)
		err := l.Lock(context.Background(), 7)
		var e *Error
		if !errors.As(err, &e) || e.Name != c.name || e.PID != 7 || !errors.Is(err, c.class) {
			t.Errorf("%s: %v", c.fail, err)
		}
	}
	t.Setenv("FAKE_FAIL", "")
	if err := l.Unlock(context.Background(), 7); !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), "cuCheckpointProcessUnlock of process 7: CUDA_ERROR_ILLEGAL_STATE (401)") {
		t.Error(err)
	}
}

func TestDeadlineBecomesTheLocksTimeout(t *testing.T) {
	l, _, calls := fake(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	if err := l.Lock(ctx, 5); err != nil {
		t.Fatal(err)
	}
	var ms int
	if _, err := fmt.Sscanf(calls(), "Lock 5 %d", &ms); err != nil || ms < 3_500_000 || ms > 3_600_000 {
		t.Error(ms, err)
	}
	cancel()
	if err := l.Checkpoint(ctx, 5); !errors.Is(err, context.Canceled) || calls() != "" {
		t.Error(err)
	}
}

func TestInitialisationFailsOnceAndIsTold(t *testing.T) {
	l, _, calls := fake(t)
	t.Setenv("FAKE_FAIL", "cuInit=100")
	err := l.Lock(context.Background(), 5)
	if !errdefs.IsUnavailable(err) || !strings.Contains(err.Error(), "cuInit: CUDA_ERROR_NO_DEVICE (100)") || calls() != "" {
		t.Error(err)
	}
}

func TestAbsentLibrary(t *testing.T) {
	_, err := Open("/nowhere/libcuda.so.1")
	var absent *AbsentError
	if !errors.As(err, &absent) || !errdefs.IsUnavailable(err) || !strings.Contains(absent.Reason, "No such file") {
		t.Error(err)
	}
}

func TestOldDriverLacksTheCalls(t *testing.T) {
	l, path, _ := fake(t, "-DOLD")
	if got := len(l.Missing()); got != 5 {
		t.Errorf("%d calls missing: %v", got, l.Missing())
	}
	err := l.Lock(context.Background(), 5)
	if !errdefs.IsNotImplemented(err) || !strings.Contains(err.Error(), "cuCheckpointProcessLock") {
		t.Error(err)
	}
	if s := Probe(context.Background(), Source{Library: path, Module: "/nowhere"}); !errdefs.IsNotImplemented(s.Err) {
		t.Error(s)
	}
}

func TestHoldersAreTheProcessesThatUseCUDA(t *testing.T) {
	l, _, _ := fake(t)
	got, err := Holders(context.Background(), l, []int{1000001, 21, 1000002, 22})
	if err != nil || fmt.Sprint(got) != "[21 22]" {
		t.Error(got, err)
	}
	t.Setenv("FAKE_FAIL", "cuCheckpointProcessGetState=801")
	if _, err := Holders(context.Background(), l, []int{21}); !errdefs.IsNotImplemented(err) {
		t.Error(err)
	}
}

func TestTrialFreezesAnotherProcess(t *testing.T) {
	l, path, calls := fake(t)
	child := func(env ...string) *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(append(os.Environ(), childLibrary+"="+path), env...)
		cmd.Stderr = io.Discard
		return cmd
	}
	timing, err := Trial(context.Background(), l, child())
	if err != nil || timing.Checkpoint <= 0 || timing.Unlock <= 0 {
		t.Fatal(timing, err)
	}
	if got := calls(); strings.Count(got, ",") != 3 {
		t.Error(got)
	}
	if _, err := Trial(context.Background(), l, child("FAKE_SPOIL=1")); err == nil || !strings.Contains(err.Error(), "device memory holds") {
		t.Error("spoiled memory was not seen:", err)
	}
	if _, err := Trial(context.Background(), l, child("FAKE_FAIL=cuMemAlloc_v2=2")); err == nil {
		t.Error("a process that cannot hold memory passed")
	}
	t.Setenv("FAKE_FAIL", "cuCheckpointProcessCheckpoint=801")
	if _, err := Trial(context.Background(), l, child()); !errdefs.IsNotImplemented(err) {
		t.Error(err)
	}
	if got := calls(); !strings.Contains(got, "Checkpoint") || !strings.HasSuffix(strings.Fields(got)[len(strings.Fields(got))-3], "Unlock") {
		t.Error("the process was left locked: ", got)
	}
}

func TestProbeNamesDriverAndGPU(t *testing.T) {
	_, path, _ := fake(t)
	module := filepath.Join(t.TempDir(), "version")
	if err := os.WriteFile(module, []byte("600.1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := Probe(context.Background(), Source{Library: path, Module: module})
	if c := s.Capability(); !c.OK || c.Version != "600.1" || s.String() != "driver 600.1, CUDA 12.8, Fake 40" {
		t.Errorf("%v %+v", s, c)
	}
	t.Setenv("FAKE_GPUS", "0")
	if s := Probe(context.Background(), Source{Library: path, Module: module}); s.Capability().OK || !strings.Contains(s.String(), "no GPU") {
		t.Error(s)
	}
}
