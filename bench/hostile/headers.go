package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// What reading the head of a checkpoint may cost.
const (
	headSeconds = 10      // of CPU time
	headMemory  = 1 << 20 // kB at most at once
)

func init() {
	tensors := func(n int, form string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, ","+form, i)
		}
		return "{" + b.String()[1:] + "}"
	}
	for _, a := range []struct {
		name string
		head func() string
		says string // in the refusal; "" when it is read
	}{
		{"300,000 tensors", func() string { return tensors(300_000, `"t%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`) }, ""},
		{"1,100,000 tensors", func() string { return tensors(1_100_000, `"t%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`) }, "at most are read"},
		{"shapes of 100,000 dimensions", func() string {
			return tensors(100, `"t%d":{"dtype":"U8","shape":[0`+strings.Repeat(",1", 100_000)+`],"data_offsets":[0,0]}`)
		}, ""},
		{"ten million brackets", func() string { return `{"a":` + strings.Repeat("[", 10_000_000) }, "not valid JSON"},
		{"a shape whose product overflows", func() string {
			return `{"a":{"dtype":"U8","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,0]}}`
		}, "impossible shape"},
		{"offsets beyond 2^63", func() string {
			return `{"a":{"dtype":"U8","shape":[1],"data_offsets":[9223372036854775806,9223372036854775807]}}`
		}, `tensor "a"`},
		{"a name of 50 MB", func() string {
			return `{"` + strings.Repeat("n", 50_000_000) + `":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`
		}, ""},
	} {
		add("headers", a.name, func(ctx context.Context, s *scene) error { return s.inspect(ctx, a.head(), a.says) })
	}
}

// inspect has the command line show a file of safetensors with a head.
func (s *scene) inspect(ctx context.Context, head, says string) error {
	path := filepath.Join(s.dir, "head.safetensors")
	if err := os.WriteFile(path, append(binary.LittleEndian.AppendUint64(nil, uint64(len(head))), head...), 0o600); err != nil {
		return err
	}
	defer os.Remove(path)
	ctx, cancel := context.WithTimeout(ctx, 6*headSeconds*time.Second) // the machine may have other work
	defer cancel()
	var said strings.Builder
	cmd := exec.CommandContext(ctx, s.Bin, "models", "inspect", path)
	cmd.Stderr = &said
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err != nil && !errors.As(err, &exit):
		return err
	case says == "" && err != nil || says != "" && (err == nil || !strings.Contains(said.String(), says)):
		return fmt.Errorf("inspect ended with %v and %.300q, want %q", err, said.String(), says)
	}
	if used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(); used > headSeconds*time.Second {
		return fmt.Errorf("inspect took %s of CPU time", used)
	}
	if most := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss; most > headMemory {
		return fmt.Errorf("inspect took %d MB", most>>10)
	}
	return nil
}
