// Package tasks runs the program's own long commands for who asks over HTTP, such as pulling a checkpoint and building a
// bundle of it: one at a time, in processes of their own, whose lines are kept so that they can be followed.
package tasks

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"sync"
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
	Program     string       // videosdgx itself
	Checkpoints string       // folder of what is pulled
	Models      string       // folder of bundles
	Env         []string     // variables besides those of this process
	Room        func() error // says why no more may be pulled or built; nil: it may
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

// Start begins a task, after those before it.
func (r *Runner) Start(w Wish) (Task, error) {
	args, err := r.command(&w)
	if err == nil && r.o.Room != nil {
		err = r.o.Room()
	}
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
