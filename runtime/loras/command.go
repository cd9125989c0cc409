package loras

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// The exit statuses of models build that say what became of its LoRAs.
const (
	badLoRA  = 3
	busyLoRA = 75
)

// Command builds by `models build` of this very program: what knows models is no part of the server. data is where it
// remembers that the bundle is verified. What it says goes to the log; a client gets what is said for it.
func Command(data string, log *slog.Logger) Build {
	return func(ctx context.Context, checkpoint, base, out string, loras []LoRA) error {
		exe, err := os.Executable()
		if err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, exe, buildArgs(checkpoint, base, out, loras)...)
		cmd.Env = append(os.Environ(), "VIDEOSDGX_CACHE="+data)
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		var said bytes.Buffer
		cmd.Stderr = &said
		err = cmd.Run()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		log.Warn("LoRAs could not be merged", "base", base, "args", cmd.Args[1:], "said", strings.TrimSpace(said.String()), "error", err)
		return mergeError(cmd.ProcessState.ExitCode(), said.String(), loras)
	}
}

func buildArgs(checkpoint, base, out string, loras []LoRA) []string {
	args := []string{"models", "build", checkpoint, "--base", base, "--output", out, "--models", filepath.Dir(filepath.Dir(out)), "--json"}
	for _, l := range loras {
		text := l.Path + ":" + strconv.FormatFloat(l.Strength, 'g', -1, 64)
		if l.Component != "" {
			text = l.Component + "=" + text
		}
		args = append(args, "--lora", text)
	}
	return args
}

// whileMerged is when to ask again for LoRAs that somebody writes to or merges: a merge of a large model takes about as long.
const whileMerged = 10 * time.Second

// soon refuses a request that can be answered once others are done.
func soon(sentence string) error {
	return &spec.RetryError{After: whileMerged, Err: fmt.Errorf("%s: %w", sentence, errdefs.ErrUnavailable)}
}

// mergeError is what a client hears of a build that ended so.
func mergeError(status int, said string, loras []LoRA) error {
	names := make([]string, len(loras))
	for i, l := range loras {
		names[i] = strings.TrimSuffix(filepath.Base(l.Path), ".safetensors")
	}
	which := strings.Join(names, ", ")
	switch status {
	case badLoRA:
		lines := strings.Split(strings.TrimSpace(said), "\n")
		return refused("these LoRAs cannot be merged: " + strings.TrimPrefix(lines[len(lines)-1], "videosdgx: "))
	case busyLoRA:
		return soon(fmt.Sprintf("LoRAs (%s) are being written to, or merged by somebody else: ask again in a moment", which))
	}
	return fmt.Errorf("LoRAs (%s) could not be merged into this model: the server's log says why", which)
}
