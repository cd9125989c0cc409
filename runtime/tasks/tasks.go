// Package tasks runs the program's own long commands for who asks over HTTP, such as pulling a checkpoint and building a
// bundle of it: one at a time, in processes of their own, whose lines are kept so that they can be followed.
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
	"sync"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
)

// State is where a task is.
type State string

// The states.
const (
	Waiting   State = "waiting"
	Running   State = "running"
	Done      State = "done"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

func (s State) ended() bool { return s != Waiting && s != Running }

// Wish is what somebody wants done.
type Wish struct {
	Kind       string `json:"kind"`                 // "pull" or "build"
	Repository string `json:"repository,omitempty"` // of a pull: OWNER/NAME
	Checkpoint string `json:"checkpoint,omitempty"` // of a build: a folder that a pull has made, by its name
	Name       string `json:"name,omitempty"`       // of the bundle; default the checkpoint's
}

// Task is one of them.
type Task struct {
	ID string `json:"id"`
	Wish
	State    State     `json:"state"`
	Created  time.Time `json:"created"`
	Ended    time.Time `json:"ended,omitzero"`
	Progress int       `json:"progress,omitempty"` // in percent, as far as the command says
	Line     string    `json:"line,omitempty"`     // the latest
}

// Options configure a Runner.
type Options struct {
	Program     string // videosdgx itself
	Checkpoints string // folder of what is pulled
	Models      string // folder of bundles
}

// Runner runs tasks one after the other. Safe for concurrent use.
type Runner struct {
	o      Options
	ctx    context.Context //nolint:containedctx // of all tasks
	stop   context.CancelFunc
	wg     sync.WaitGroup
	turn   chan struct{}
	mu     sync.Mutex
	last   int
	all    []*task // oldest first
	change chan struct{}
}

type task struct {
	Task
	lines  []string
	cancel context.CancelFunc
}

// What is kept.
const (
	maxTasks = 50
	maxLines = 2000
	maxLine  = 4 << 10
)

// New makes a Runner.
func New(o Options) *Runner {
	ctx, stop := context.WithCancel(context.Background())
	return &Runner{o: o, ctx: ctx, stop: stop, turn: make(chan struct{}, 1), change: make(chan struct{})}
}

// Stop ends what runs and waits for it.
func (r *Runner) Stop() { r.stop(); r.wg.Wait() }

var (
	repositoryForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}$`)
	folderForm     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$`)
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

// Start begins a task, after those before it.
func (r *Runner) Start(w Wish) (Task, error) {
	args, err := r.command(&w)
	if err != nil {
		return Task{}, err
	}
	ctx, cancel := context.WithCancel(r.ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		cancel()
		return Task{}, fmt.Errorf("the server is stopping: %w", errdefs.ErrUnavailable)
	}
	if err := r.room(); err != nil {
		cancel()
		return Task{}, err
	}
	r.last++
	t := &task{Task: Task{ID: strconv.Itoa(r.last), Wish: w, State: Waiting, Created: time.Now().UTC()}, cancel: cancel}
	r.all = append(r.all, t)
	r.wg.Add(1)
	go func() { defer r.wg.Done(); defer cancel(); r.run(ctx, t, args) }()
	return t.Task, nil
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
	cmd.Stdout, cmd.Stderr = in, in
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

// List gives all, newest first.
func (r *Runner) List() []Task {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := []Task{}
	for _, t := range slices.Backward(r.all) {
		out = append(out, t.Task)
	}
	return out
}

// Checkpoints are the names of what there is to build of.
func (r *Runner) Checkpoints() []string {
	entries, _ := os.ReadDir(r.o.Checkpoints) // none where there is no folder yet
	out := []string{}
	for _, e := range entries {
		if e.IsDir() && folderForm.MatchString(e.Name()) {
			out = append(out, e.Name())
		}
	}
	return out
}

// find gives a task; the caller holds r.mu.
func (r *Runner) find(id string) (*task, error) {
	for _, t := range r.all {
		if t.ID == id {
			return t, nil
		}
	}
	return nil, fmt.Errorf("there is no task %.20q: %w", id, errdefs.ErrNotFound)
}

// Cancel ends a task; one that has ended stays as it is.
func (r *Runner) Cancel(id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, err := r.find(id)
	if err == nil {
		t.cancel()
	}
	return err
}

// Log writes a task's lines, and those to come until its end or ctx's.
func (r *Runner) Log(ctx context.Context, id string, w io.Writer) error {
	for from := 0; ; {
		r.mu.Lock()
		t, err := r.find(id)
		if err != nil {
			r.mu.Unlock()
			return err
		}
		from = min(from, len(t.lines))
		more, ended, changed := slices.Clone(t.lines[from:]), t.State.ended(), r.change
		from = len(t.lines)
		r.mu.Unlock()
		for _, line := range more {
			if _, err := io.WriteString(w, line+"\n"); err != nil {
				return err
			}
		}
		if ended {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
