package tasks

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
)

// command gives the arguments of a wish; InvalidArgument for what would not do.
func (r *Runner) command(w *Wish) ([]string, error) {
	switch {
	case w.Kind == "pull" && repositoryForm.MatchString(w.Repository):
		return []string{"models", "pull", w.Repository, "-o", filepath.Join(r.o.Checkpoints, filepath.Base(w.Repository))}, nil
	case w.Kind == "pull":
		return nil, fmt.Errorf("repository is %.80q: write OWNER/NAME: %w", w.Repository, errdefs.ErrInvalidArgument)
	case w.Kind != "build":
		return nil, fmt.Errorf("kind is %.20q: pull and build are known: %w", w.Kind, errdefs.ErrInvalidArgument)
	}
	if w.Name == "" {
		w.Name = w.Checkpoint
	}
	if !folderForm.MatchString(w.Checkpoint) || !folderForm.MatchString(w.Name) {
		return nil, fmt.Errorf("checkpoint is %.80q and name %.80q: letters, digits and . _ -, a letter or digit first: %w", w.Checkpoint, w.Name, errdefs.ErrInvalidArgument)
	}
	from := filepath.Join(r.o.Checkpoints, w.Checkpoint)
	if _, err := os.Stat(from); err != nil {
		return nil, fmt.Errorf("there is no checkpoint %s: pull it first: %w", w.Checkpoint, errdefs.ErrNotFound)
	}
	return []string{"models", "build", from, "-o", filepath.Join(r.o.Models, w.Name)}, nil
}

// room forgets the oldest task that has ended where there are too many; the caller holds r.mu.
func (r *Runner) room() error {
	if len(r.all) < maxTasks {
		return nil
	}
	i := slices.IndexFunc(r.all, func(t *task) bool { return t.State.ended() })
	if i < 0 {
		return fmt.Errorf("%d tasks wait already: cancel some: %w", maxTasks, errdefs.ErrResourceExhausted)
	}
	r.all = slices.Delete(r.all, i, i+1)
	return nil
}

func (r *Runner) run(ctx context.Context, t *task, args []string) {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		r.end(ctx, t, ctx.Err())
		return
	}
	r.tell(t, func() { t.State = Running })
	out, in := io.Pipe()
	cmd := exec.CommandContext(ctx, r.o.Program, args...)
	cmd.Stdout, cmd.Stderr, cmd.Env = in, in, append(os.Environ(), r.o.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	read := make(chan struct{})
	go func() { defer close(read); r.read(t, out) }()
	err := os.MkdirAll(r.o.Checkpoints, 0o755)
	if err == nil {
		err = cmd.Run()
	}
	in.Close()
	<-read
	r.end(ctx, t, err)
}

var share = regexp.MustCompile(`\b(\d{1,3}) ?%`)

func (r *Runner) read(t *task, out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(make([]byte, maxLine), 1<<20)
	for lines.Scan() {
		line := lines.Text()
		r.tell(t, func() {
			if len(line) > maxLine {
				line = line[:maxLine] + "…"
			}
			t.Line = line
			if t.lines = append(t.lines, line); len(t.lines) > maxLines {
				t.lines = slices.Delete(t.lines, 0, len(t.lines)-maxLines)
			}
			if m := share.FindAllStringSubmatch(line, -1); m != nil {
				if n, _ := strconv.Atoi(m[len(m)-1][1]); n <= 100 {
					t.Progress = n
				}
			}
		})
	}
	_, _ = io.Copy(io.Discard, out) // a line too long to read: the command must not be held up
}

func (r *Runner) end(ctx context.Context, t *task, err error) {
	r.tell(t, func() {
		t.Ended = time.Now().UTC()
		switch {
		case ctx.Err() != nil:
			t.State = Cancelled
		case err != nil:
			t.State = Failed
			if t.Line == "" {
				t.Line = err.Error()
			}
		default:
			t.State, t.Progress = Done, 100
		}
	})
}

// tell changes a task and wakes who follows.
func (r *Runner) tell(_ *task, change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	close(r.change)
	r.change = make(chan struct{})
}
