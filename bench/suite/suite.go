// Package suite runs the bench programs in turns and keeps what they say in one file, with a page of plots.
package suite

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// Program is a folder under bench and the arguments of its short and its tiny version; the long one has none.
type Program struct {
	Name        string
	Short, Tiny string
	NoServer    bool // starts none: takes no -bin
	NoDriver    bool // takes no -driver
}

// Programs are all that run without a GPU, in the order of the report. DIR stands for a folder that is kept between runs.
var Programs = []Program{
	{Name: "warm", Short: "-n 2000 -warmup 500", Tiny: "-n 20 -warmup 2 -sizes 64KiB -callers 2"},
	{Name: "auth", Short: "-n 2000 -warmup 500", Tiny: "-n 20 -warmup 2"},
	{Name: "cold", Short: "-n 30 -warmup 2 -images 256MiB", Tiny: "-n 1 -warmup 0 -images 1MiB"},
	{Name: "peers", Short: "-n 20 -warm 1000 -clips 1 -starts 1", Tiny: "-n 1 -warm 10 -python none"},
	{Name: "weights", Short: "-n 10 -warmup 1 -sizes 64MiB,1GiB -bundles DIR", Tiny: "-n 1 -warmup 0 -sizes 8MiB,16MiB -shared 16MiB -together 2 -settle 100ms"},
	{Name: "zero", Short: "-n 10", Tiny: "-n 1"},
	{Name: "burst", Short: "-n 10", Tiny: "-n 1 -calls 20"},
	{Name: "evict", Short: "-n 100", Tiny: "-n 8", NoDriver: true},
	{Name: "density", Short: "-settle 2s", Tiny: "-registered 20 -instances 1 -settle 100ms"},
	{Name: "firstlight", Short: "-n 10 -clips 2 -watched 2 -big 64MiB", Tiny: `-n 1 -clips 1 -watched 1 -big 8MiB -settle 100ms -request {"num_frames":9,"num_inference_steps":8}`},
	{Name: "chaos", Short: "-length 15s", Tiny: "-length 2s"},
	{Name: "simulate", Short: "", Tiny: "-functions 20 -length 1h", NoServer: true, NoDriver: true},
}

// Options say what to run.
type Options struct {
	Binary   string   // videosdgx, with videosdgx-init beside it
	Driver   string   // auto, containerd or process
	Only     []string // names of programs; none: all
	Long     bool     // the long version: hours rather than minutes for some
	Tiny     bool     // the least that runs all of a program
	Cache    string   // folder kept between runs
	Out, Err io.Writer
}

// Results are what one run of the suite has measured.
type Results struct {
	Commit  string            `json:"commit"`
	Machine string            `json:"machine"`
	Time    time.Time         `json:"time"`
	Seconds float64           `json:"seconds"`
	Reports []*harness.Report `json:"reports"`
}

// Run builds the programs of the checkout that holds the working directory and runs them. A program that fails does not
// keep the others from running, but is in the error.
func Run(ctx context.Context, o Options) (*Results, error) {
	programs, err := selected(o.Only)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "videosdgx-suite-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	begin := time.Now()
	s := stand{programs: dir, binary: o.Binary}
	if err := s.build(ctx, programs); err != nil {
		return nil, err
	}
	r := &Results{Time: begin.UTC().Truncate(time.Second)}
	reports, err := play(ctx, o, players(s, programs))
	for _, report := range reports {
		r.add(report)
	}
	r.Seconds = time.Since(begin).Seconds()
	return r, err
}

func (r *Results) add(report *harness.Report) {
	r.Reports = append(r.Reports, report)
	r.Commit, r.Machine = report.Commit, report.Machine
}

// arguments are those of the version asked for.
func (o Options) arguments(p Program) string {
	switch {
	case o.Tiny:
		return p.Tiny
	case o.Long:
		return map[bool]string{true: "-bundles DIR"}[p.Name == "weights"]
	}
	return p.Short
}

func selected(only []string) ([]Program, error) {
	if len(only) == 0 {
		return Programs, nil
	}
	var out []Program
	for _, name := range only {
		i := slices.IndexFunc(Programs, func(p Program) bool { return p.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no bench %q: choose from %s", name, strings.Join(Names(), ", "))
		}
		out = append(out, Programs[i])
	}
	return out, nil
}

// Names lists the programs.
func Names() (out []string) {
	for _, p := range Programs {
		out = append(out, p.Name)
	}
	return out
}

// build compiles the programs.
func (s stand) build(ctx context.Context, programs []Program) error {
	args := []string{"build", "-o", s.programs + "/"}
	for _, p := range programs {
		args = append(args, "github.com/videosdgx/videosdgx/bench/"+p.Name)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = s.tree
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the bench programs: %w; run it in the repository, with Go installed\n%s", err, out)
	}
	return nil
}

// tables passes on what is not a program's JSON line.
type tables struct{ io.Writer }

func (t tables) Write(p []byte) (int, error) {
	for line := range bytes.Lines(p) {
		if !bytes.HasPrefix(line, []byte(`{"bench"`)) {
			if _, err := t.Writer.Write(line); err != nil {
				return 0, err
			}
		}
	}
	return len(p), nil
}
