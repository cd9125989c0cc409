package cuda

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Tool drives NVIDIA's cuda-checkpoint program: for builds without cgo. Every call starts it anew and so pays the driver's
// initialisation, 0.1 to 3 s, each time; the Library pays it once.
type Tool struct{ Path string }

var _ Phases = Tool{}

// FindTool looks on the PATH; ok says whether it is there.
func FindTool() (t Tool, ok bool) {
	path, err := exec.LookPath("cuda-checkpoint")
	return Tool{Path: path}, err == nil
}

// Lock is Library.Lock through the tool.
func (t Tool) Lock(ctx context.Context, pid int) error {
	ms := strconv.FormatInt(int64(lockTimeout(ctx)/time.Millisecond), 10)
	_, err := t.run(ctx, "lock", pid, "--action", "lock", "--timeout", ms)
	return err
}

// Checkpoint is Library.Checkpoint through the tool.
func (t Tool) Checkpoint(ctx context.Context, pid int) error {
	_, err := t.run(ctx, "checkpoint", pid, "--action", "checkpoint")
	return err
}

// Restore is Library.Restore through the tool.
func (t Tool) Restore(ctx context.Context, pid int) error {
	_, err := t.run(ctx, "restore", pid, "--action", "restore")
	return err
}

// Unlock is Library.Unlock through the tool.
func (t Tool) Unlock(ctx context.Context, pid int) error {
	_, err := t.run(ctx, "unlock", pid, "--action", "unlock")
	return err
}

// State is Library.State through the tool.
func (t Tool) State(ctx context.Context, pid int) (State, error) {
	out, err := t.run(ctx, "get-state", pid, "--get-state")
	if err != nil {
		return Running, err
	}
	for s := Running; s <= Failed; s++ {
		if out == s.String() {
			return s, nil
		}
	}
	return Running, &Error{Call: "cuda-checkpoint get-state", PID: pid, Result: -1, Name: "UNKNOWN_STATE", Detail: out}
}

// run is not killed with ctx once it began: a checkpoint cut short leaves a process that nothing brings back.
func (t Tool) run(ctx context.Context, action string, pid int, args ...string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", context.Cause(ctx)
	}
	cmd := exec.Command(t.Path, slices.Concat(args, []string{"--pid", strconv.Itoa(pid)})...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "", toolError(action, pid, exit.ExitCode(), strings.TrimSpace(errs.String()+out.String()))
	} else if err != nil {
		return "", fmt.Errorf("cuda-checkpoint %s: %w", action, err)
	}
	return strings.TrimSpace(out.String()), nil
}

// words are what the tool says, in quotes, for results that matter: it gives cuGetErrorString's text and no number.
var words = []struct {
	text   string
	result Result
	name   string
}{
	{"operation not supported", notSupported, "CUDA_ERROR_NOT_SUPPORTED"},
	{"an illegal state", illegalState, "CUDA_ERROR_ILLEGAL_STATE"},
	{"device not ready", notReady, "CUDA_ERROR_NOT_READY"},
	{"out of memory", outOfMemory, "CUDA_ERROR_OUT_OF_MEMORY"},
	{"initialization error", notInitialized, "CUDA_ERROR_NOT_INITIALIZED"},
	{"operation not permitted", notPermitted, "CUDA_ERROR_NOT_PERMITTED"},
	{"no cuda-capable device", noDevice, "CUDA_ERROR_NO_DEVICE"},
	{"invalid argument", invalidValue, "CUDA_ERROR_INVALID_VALUE"},
	{"could not find", processNotFound, "NO_CUDA_PROCESS"},
}

func toolError(action string, pid, exit int, said string) error {
	e := &Error{Call: "cuda-checkpoint " + action, PID: pid, Result: Result(-100 - exit), Name: fmt.Sprintf("EXIT_%d", exit), Detail: said}
	for _, w := range words {
		if strings.Contains(strings.ToLower(said), w.text) {
			e.Result, e.Name = w.result, w.name
			break
		}
	}
	return e
}
