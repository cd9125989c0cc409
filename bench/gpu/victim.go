package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// victim is a running process with device memory. It writes lines to a file, so that nothing ties it to this process and CRIU
// finds no pipe with an end elsewhere.
type victim struct {
	gib   float64
	pid   int
	dir   string // lines, log, and CRIU's images
	lines string
	sum   string        // checksum when it was filled
	began time.Duration // from its start to its memory's being filled and checked
	seen  int           // lines read
	gone  chan struct{} // closed when the process that was started here is no more
}

func (v *victim) String() string { return fmt.Sprintf("%g GiB", v.gib) }

// start runs the victim in a session of its own, with files for input and output.
func (b *bench) start(ctx context.Context, gib float64) (*victim, error) {
	dir, err := os.MkdirTemp(b.dir, "videosdgx-gpu-")
	if err != nil {
		return nil, err
	}
	v := &victim{gib: gib, dir: dir, lines: filepath.Join(dir, "lines"), gone: make(chan struct{})}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(b.victim, "hold", strconv.FormatFloat(gib, 'g', -1, 64), v.lines)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = log, log, &syscall.SysProcAttr{Setsid: true}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	v.pid = cmd.Process.Pid
	go func() { cmd.Wait(); close(v.gone) }()
	if v.sum, err = v.next(ctx, "ready"); err != nil {
		v.stop()
		return nil, err
	}
	v.began = time.Since(begin)
	return v, nil
}

// verify asks for a comparison of all of the memory.
func (v *victim) verify(ctx context.Context) error {
	if err := syscall.Kill(v.pid, syscall.SIGUSR1); err != nil {
		return err
	}
	sum, err := v.next(ctx, "sum")
	if err == nil && sum != v.sum {
		err = fmt.Errorf("checksum %s, it was %s", sum, v.sum)
	}
	return err
}

// next waits for one more line, "word SUM bad N ms T", and gives its sum; N must be 0.
func (v *victim) next(ctx context.Context, word string) (string, error) {
	for {
		b, err := os.ReadFile(v.lines)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
		if lines := bytes.SplitAfter(b, []byte("\n")); len(lines) > v.seen+1 {
			v.seen++
			return parseLine(string(lines[v.seen-1]), word)
		}
		if err := v.wait(ctx); err != nil {
			return "", err
		}
	}
}

func (v *victim) wait(ctx context.Context) error {
	if syscall.Kill(v.pid, 0) != nil {
		log, _ := os.ReadFile(filepath.Join(v.dir, "log"))
		return fmt.Errorf("the process ended: %s", bytes.TrimSpace(log))
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(time.Millisecond):
		return nil
	}
}

func parseLine(line, word string) (sum string, err error) {
	f := strings.Fields(line)
	if len(f) != 6 || f[0] != word || f[2] != "bad" {
		return "", fmt.Errorf("waiting for %q, got %q", word, line)
	}
	if f[3] != "0" {
		return "", fmt.Errorf("%s words of device memory are wrong", f[3])
	}
	return f[1], nil
}

// stop ends the process, whichever CRIU made of it, and removes its folder.
func (v *victim) stop() {
	syscall.Kill(v.pid, syscall.SIGKILL)
	for range 5000 {
		if syscall.Kill(v.pid, 0) != nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	os.RemoveAll(v.dir)
}
