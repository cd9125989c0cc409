package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/snapshotter/cuda"
)

type bench struct {
	victim, criu, dir, commit string
	criuMost                  float64 // GiB
	report                    *harness.Report
	driver                    *cuda.Library
}

// run prints what it has even when something failed: a measured figure stays true.
func (b *bench) run(ctx context.Context, sizes string) (err error) {
	plan, err := parseSizes(sizes)
	if err != nil {
		return err
	}
	b.report = harness.NewReport("gpu")
	defer func() { err = errors.Join(err, b.report.Print(os.Stdout)) }()
	if err := b.prepare(ctx); err != nil {
		return err
	}
	if err := b.copies(ctx); err != nil {
		return err
	}
	for _, s := range plan {
		if err := b.size(ctx, s); err != nil {
			return fmt.Errorf("%g GiB: %w", s.gib, err)
		}
	}
	return nil
}

// prepare finds out what the machine is and whether it can do this at all.
func (b *bench) prepare(ctx context.Context) error {
	start := time.Now()
	support := cuda.Probe(ctx, cuda.Source{})
	b.report.Figure("probe_ms", ms(time.Since(start)))
	fmt.Printf("probe: %v\n", support)
	if b.commit != "" {
		b.report.Commit = b.commit
	}
	if support.Err != nil {
		return support.Err
	}
	b.report.Machine += fmt.Sprintf(", %s, driver %s", strings.Join(support.GPUs, " and "), support.Driver)
	var err error
	if b.driver, err = cuda.Open(""); err != nil {
		return err
	}
	if _, err := b.driver.State(ctx, os.Getppid()); err != nil {
		fmt.Println("state of a process without CUDA:", err)
	}
	if b.victim == "" {
		return b.compile(ctx)
	}
	return b.trial(ctx)
}

// trial is the smallest round, as the doctor would make it.
func (b *bench) trial(ctx context.Context) error {
	t, err := cuda.Trial(ctx, b.driver, exec.CommandContext(ctx, "/proc/self/exe", "-hold"))
	if err != nil {
		return fmt.Errorf("trial: %w", err)
	}
	fmt.Printf("trial with 16 MiB: %+v\n", t)
	b.report.Figure("trial_checkpoint_ms", ms(t.Checkpoint))
	b.report.Figure("trial_restore_ms", ms(t.Restore))
	return nil
}

func (b *bench) compile(ctx context.Context) error {
	b.victim = filepath.Join(b.dir, "videosdgx-victim")
	cmd := exec.CommandContext(ctx, "nvcc", "-O2", "-arch=native", "-cudart=static", "-o", b.victim, "bench/gpu/victim/victim.cu")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("nvcc: %w\n%s", err, out)
	}
	return b.trial(ctx)
}

// copies measures what the machine copies, for comparison.
func (b *bench) copies(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, b.victim, "copy", "1").CombinedOutput()
	if err != nil {
		return fmt.Errorf("copy: %w\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		var name string
		var rate float64
		if _, err := fmt.Sscan(line, &name, &rate); err != nil {
			return fmt.Errorf("copy said %q: %w", line, err)
		}
		b.report.Figure("copy_"+name+"_gb_per_s", rate/1e9)
	}
	return nil
}

// size measures one amount of memory: a new process, frozen and thawed again and again, and at last taken to disk.
func (b *bench) size(ctx context.Context, s size) error {
	v, err := b.start(ctx, s.gib)
	if err != nil {
		return err
	}
	defer v.stop()
	name := fmt.Sprintf("g%g", s.gib)
	b.report.Figure(name+"_start_ms", ms(v.began))
	var rounds rounds
	for range s.rounds {
		r, err := b.round(ctx, v)
		if err != nil {
			return err
		}
		rounds = append(rounds, r)
	}
	rounds.report(b.report, name, s.bytes())
	if b.criu == "" || s.gib > b.criuMost {
		return nil
	}
	return b.disk(ctx, v, name, s.bytes())
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
