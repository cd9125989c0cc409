package tensorrt

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
)

// PlannerEnv names the planner's program and wins over every place searched.
const PlannerEnv = "VIDEOSDGX_TRT_PLANNER"

const plannerName = "videosdgx-planner"

// Builder builds plans in a child process: one that crashes, hangs or takes too much ends the child and leaves nothing.
type Builder struct {
	Install Install
	// Planner is the program's path; empty means where FindPlanner looks.
	Planner string
	// Timing is a file that keeps how long each kernel took, from one build to the next; empty: each build tries them all.
	Timing string
	// Grace is how long a cancelled child may take to end by itself; 0 means five seconds.
	Grace time.Duration
}

// FindPlanner is the planner's program: what PlannerEnv names, else beside the executable or the shims.
func FindPlanner() (string, error) {
	if p := os.Getenv(PlannerEnv); p != "" {
		return p, nil
	}
	for _, dir := range append(besideExecutable(), "/usr/local/lib/videosdgx", "/usr/lib") {
		if info, err := os.Stat(filepath.Join(dir, plannerName)); err == nil && info.Mode().IsRegular() {
			return filepath.Join(dir, plannerName), nil
		}
	}
	return "", fmt.Errorf("%s, which builds TensorRT plans, is not beside this program: run `make build`: %w", plannerName, errdefs.ErrNotFound)
}

// Build has a child build a plan at path, which is there complete or not at all. It blocks until the child has ended. Errors
// are errdefs classes: DeadlineExceeded when the recipe's time is up, Canceled, ResourceExhausted, Internal for a child that
// crashed, with the last that it said.
func (b Builder) Build(ctx context.Context, r Recipe, path string, tell func(Report)) (err error) {
	if err := r.Check(); err != nil {
		return err
	}
	if r.Limits.Time > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, r.Limits.Time, fmt.Errorf("building a plan of %s took longer than %s: %w", r.Model, r.Limits.Time, context.DeadlineExceeded))
		defer stop()
	}
	// all that the child writes lies in one folder beside the plan: whatever ends it, that goes
	room, err := os.MkdirTemp(filepath.Dir(path), partialPrefix+"*")
	if err != nil {
		return fmt.Errorf("make room for a plan: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(room)) }()
	out, err := os.Create(filepath.Join(room, "plan"))
	if err != nil {
		return fmt.Errorf("make room for a plan: %w", err)
	}
	defer out.Close()
	b.checkTiming(tell)
	err = b.run(ctx, r, out, tell)
	if b.Timing != "" && errors.Is(err, errDied) && os.Remove(b.Timing) == nil { // it may be what the builder dies of
		said(tell, "%v; it is built once more, and every kernel is tried again", err)
		err = b.again(ctx, r, out, tell)
	}
	if err != nil {
		return err
	}
	b.keepTiming(filepath.Join(room, triedName), tell)
	return keep(out, path)
}

// again builds from the beginning.
func (b Builder) again(ctx context.Context, r Recipe, out *os.File, tell func(Report)) error {
	if err := out.Truncate(0); err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	return b.run(ctx, r, out, tell)
}

const triedName = "tried"

// checkTiming removes what is not what a build has written, and says so: without it every kernel is tried again.
func (b Builder) checkTiming(tell func(Report)) {
	if b.Timing == "" {
		return
	}
	if _, err := readTiming(b.Timing); err != nil {
		_ = os.RemoveAll(b.Timing) // what stays is as little used the next time
		said(tell, "%v; every kernel is tried again", err)
	}
}

// keepTiming keeps what a build has tried. A folder that cannot be written costs the next build its time and nothing else.
func (b Builder) keepTiming(tried string, tell func(Report)) {
	if b.Timing == "" {
		return
	}
	f, err := os.Open(tried)
	if err == nil {
		err = errors.Join(storeTiming(b.Timing, f), f.Close())
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		said(tell, "how long kernels took is not kept: %v", err)
	}
}

func said(tell func(Report), format string, a ...any) {
	if tell != nil {
		tell(Report{Said: fmt.Sprintf(format, a...)})
	}
}

// keep puts a finished plan in its place.
func keep(out *os.File, path string) error {
	if err := out.Sync(); err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	if err := out.Chmod(0o644); err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	if err := os.Rename(out.Name(), path); err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	return nil
}

func (b Builder) run(ctx context.Context, r Recipe, out *os.File, tell func(Report)) error {
	program := b.Planner
	if program == "" {
		var err error
		if program, err = FindPlanner(); err != nil {
			return err
		}
	}
	o := Order{Install: b.Install, Recipe: r}
	if b.Timing != "" {
		o.Timing, o.Tried = b.Timing, filepath.Join(filepath.Dir(out.Name()), triedName)
	}
	order, err := json.Marshal(o)
	if err != nil {
		return err
	}
	said := &lastWords{}
	cmd := b.command(ctx, program, bytes.NewReader(order), said, out)
	reports, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the planner: %w; %s: %w", err, plannerRemedy(), errdefs.ErrFailedPrecondition)
	}
	end := listen(reports, tell)
	return verdict(ctx, cmd.Wait(), end, said.String())
}

// command is the child: it gets no more of the environment than TensorRT needs, ends with its parent, and is asked before it
// is killed.
func (b Builder) command(ctx context.Context, program string, in io.Reader, said io.Writer, out *os.File) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program)
	cmd.Stdin, cmd.Stderr, cmd.ExtraFiles = in, said, []*os.File{out}
	cmd.Env = []string{"GOTRACEBACK=none", "LD_LIBRARY_PATH=" + strings.TrimSuffix(filepath.Dir(b.Install.Library)+":"+os.Getenv("LD_LIBRARY_PATH"), ":")}
	cmd.Env = append(cmd.Env, "TMPDIR="+filepath.Dir(out.Name()))
	for _, name := range []string{"PATH", "HOME", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"} {
		if v, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = b.Grace
	if cmd.WaitDelay == 0 {
		cmd.WaitDelay = 5 * time.Second
	}
	return cmd
}

// listen hands on what the child tells and returns its last report; nil when it ended without one.
func listen(reports io.Reader, tell func(Report)) *Report {
	lines := bufio.NewScanner(reports)
	for lines.Scan() {
		var r Report
		if json.Unmarshal(lines.Bytes(), &r) != nil {
			continue // TensorRT itself may print
		}
		if r.Ended {
			return &r
		}
		if tell != nil {
			tell(r)
		}
	}
	return nil
}

// verdict makes an error of how the child ended.
func verdict(ctx context.Context, exit error, end *Report, said string) error {
	switch {
	case context.Cause(ctx) != nil:
		return context.Cause(ctx)
	case end != nil && end.Error != "":
		class := classes[end.Class]
		if class == nil {
			class = errdefs.ErrInternal
		}
		return fmt.Errorf("%s: %w", strings.TrimSuffix(end.Error, ": "+class.Error()), class)
	case end != nil && (exit == nil || errors.Is(exit, exec.ErrWaitDelay)): // the latter: it has ended well, and somebody holds its standard error
		return nil
	case errors.Is(exit, exec.ErrWaitDelay) || exit == nil:
		return fmt.Errorf("%w ended without a word: %w", errDied, errdefs.ErrInternal)
	}
	if said != "" {
		said = "; it last said: " + said
	}
	if status := (*exec.ExitError)(nil); errors.As(exit, &status) && status.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		said += "; the system kills what takes more memory than there is"
	}
	return fmt.Errorf("%w died (%w)%s: %w", errDied, exit, said, errdefs.ErrInternal)
}

// errDied begins what is said of a child that ended otherwise than by its own will.
var errDied = errors.New("TensorRT's builder")

// lastWords keeps the beginning and the end of what a child writes: a crash says what it was first, a library last.
type lastWords struct{ first, last []byte }

func (w *lastWords) Write(p []byte) (int, error) {
	const most = 200
	n := min(len(p), most-len(w.first))
	w.first = append(w.first, p[:n]...)
	w.last = append(w.last, p[n:]...)
	w.last = w.last[max(0, len(w.last)-most):]
	return len(p), nil
}

func (w *lastWords) String() string {
	return strings.Join(strings.Fields(string(w.first)+string(w.last)), " ")
}
