// Package suite runs the bench programs one after the other and keeps what they say in one file, with a page of plots.
package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// Program is a folder under bench and the arguments of its short and its tiny version; the long one has none.
type Program struct {
	Name        string
	Short, Tiny string
	Server      bool // takes -bin and -driver
}

// Programs are all that run without a GPU, in the order of the report. DIR stands for a folder that is kept between runs.
var Programs = []Program{
	{"warm", "-n 3000 -warmup 500", "-n 20 -warmup 2", true},
	{"cold", "-n 50 -warmup 3", "-n 2 -warmup 0", true},
	{"peers", "-n 30 -warm 1000 -clips 1 -starts 1", "-n 2 -warm 10 -python none", true},
	{"weights", "-n 20 -sizes 64MiB,1GiB -bundles DIR", "-n 1 -warmup 0 -sizes 8MiB,16MiB -shared 16MiB -together 2", true},
	{"density", "-settle 3s", "-registered 20 -instances 1 -settle 100ms", true},
	{"firstlight", "-n 10 -clips 3 -big 64MiB", "-n 1 -clips 1 -big 8MiB", true},
	{"chaos", "-length 20s", "-length 2s", true},
	{"simulate", "", "-functions 20 -length 1h", false},
}

// Options say what to run.
type Options struct {
	Binary   string   // videosdgx, with videosdgx-init beside it
	Driver   string   // auto, containerd or process
	Only     []string // names of programs; none: all
	Long     bool     // the long version: hours rather than minutes for some
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
	if err := build(ctx, dir, programs); err != nil {
		return nil, err
	}
	r, errs := &Results{Time: begin.UTC().Truncate(time.Second)}, []error(nil)
	for _, p := range programs {
		args := p.Short
		if o.Long {
			args = map[bool]string{true: "-bundles DIR"}[p.Name == "weights"]
		}
		fmt.Fprintf(o.Err, "bench/%s %s\n", p.Name, args)
		report, err := p.run(ctx, dir, o, args)
		if err != nil {
			errs = append(errs, fmt.Errorf("bench/%s: %w", p.Name, err))
			continue
		}
		r.Reports = append(r.Reports, report)
		r.Commit, r.Machine = report.Commit, report.Machine
	}
	r.Seconds = time.Since(begin).Seconds()
	return r, errors.Join(errs...)
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

// build compiles the programs into dir.
func build(ctx context.Context, dir string, programs []Program) error {
	args := []string{"build", "-o", dir + "/"}
	for _, p := range programs {
		args = append(args, "github.com/videosdgx/videosdgx/bench/"+p.Name)
	}
	if out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("build the bench programs: %w; run it in the repository, with Go installed\n%s", err, out)
	}
	return nil
}

// run runs one and reads its last line.
func (p Program) run(ctx context.Context, dir string, o Options, arguments string) (*harness.Report, error) {
	args := strings.Fields(strings.ReplaceAll(arguments, "DIR", o.Cache))
	if p.Server {
		args = append(args, "-bin", o.Binary, "-driver", o.Driver)
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(dir, p.Name), args...)
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&out, tables{o.Out}), o.Err
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it cleans up
	cmd.WaitDelay = time.Minute
	if err := cmd.Run(); err != nil {
		return nil, err
	}
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	r := new(harness.Report)
	if err := json.Unmarshal(lines[len(lines)-1], r); err != nil {
		return nil, fmt.Errorf("its last line is no report: %w", err)
	}
	return r, nil
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
