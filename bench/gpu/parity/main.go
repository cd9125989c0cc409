// Command parity asks whether a GPU computes what the reference implementations computed: every golden test of the models runs
// on the device, as its graphs were built (float32), with the fused operators in float32, in BF16, in FP16, and in the one of
// these two that bundles have by default, "half". A test's errors are relative to the largest value expected. The tests are compiled here,
// or come compiled; see ../README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// packages are those with golden tests of graphs, those that take longest first. A test program has its package's last name: wan.test.
var packages = []string{"functions/ltx2", "functions/magi1", "functions/wan", "functions/inference/vae", "functions/inference/text/gemma",
	"functions/inference/text/t5", "functions/inference/kernels/kernelstest"}

// program is the name of a package's test program.
func program(pkg string) string { return path.Base(pkg) + ".test" }

// forms are how the graphs run, and what may be asked of them.
var forms = []form{{"fp32", "", "1e-3"}, {"fused", "fused", "1e-3"}, {"bf16", "bf16", "2e-2"}, {"fp16", "fp16", "2e-2"}, {"half", "half", "2e-2"}}

type form struct{ name, env, limit string }

func main() {
	tests := flag.String("tests", "", "folder with the compiled test programs; empty: compile them with go")
	root := flag.String("root", ".", "the checkout")
	device := flag.String("device", "cuda:0", "device, or cpu: the forms are written out for it, every value rounded as on a GPU")
	only := flag.String("forms", "fp32,fused,bf16,fp16,half", "which forms")
	abreast := flag.Int("abreast", 4, "test programs that run at once")
	commit := flag.String("commit", "", "commit that the tests were built from, where the checkout is elsewhere")
	harness.Main("parity", func(ctx context.Context) (err error) {
		r := harness.NewGPUReport(ctx, "parity", *commit)
		defer func() { err = errors.Join(err, r.Print(os.Stdout)) }()
		abs, err := filepath.Abs(*root)
		if err != nil {
			return err
		}
		b := bench{root: abs, device: *device, report: r, forms: strings.Split(*only, ","), abreast: *abreast}
		if b.tests, err = filepath.Abs(*tests); err != nil {
			return err
		}
		if *tests == "" {
			if b.tests, err = compile(ctx, abs); err != nil {
				return err
			}
			defer os.RemoveAll(b.tests)
		}
		return b.run(ctx)
	})
}

func compile(ctx context.Context, root string) (dir string, err error) {
	if dir, err = os.MkdirTemp("", "videosdgx-parity-"); err != nil {
		return "", err
	}
	for _, pkg := range packages {
		cmd := exec.CommandContext(ctx, "go", "test", "-c", "-o", filepath.Join(dir, program(pkg)), "./"+pkg)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			return dir, fmt.Errorf("compile the tests of %s: %w\n%s", pkg, err, out)
		}
	}
	return dir, nil
}

type bench struct {
	root, tests, device string
	forms               []string
	abreast             int
	report              *harness.Report
}

// run goes through the forms. What failed in one is told in the end: the others are still worth their time.
func (b *bench) run(ctx context.Context) (err error) {
	for _, name := range b.forms {
		i := slices.IndexFunc(forms, func(f form) bool { return f.name == name })
		if i < 0 {
			return fmt.Errorf("form %q is none of fp32, fused, bf16, fp16, half", name)
		}
		f := forms[i]
		sum, failed := b.form(ctx, f)
		err = errors.Join(err, failed)
		b.report.Figure("parity_"+f.name+"_worst", sum.worst)
		b.report.Figure("parity_"+f.name+"_comparisons", float64(sum.comparisons))
		b.report.Figure("parity_"+f.name+"_failed", float64(sum.failed))
		b.report.Figure("parity_"+f.name+"_tests_failed", float64(sum.tests))
		b.report.Want("parity_"+f.name+"_failed", "= 0")
		b.report.Want("parity_"+f.name+"_tests_failed", "= 0")
		b.report.Want("parity_"+f.name+"_worst", "≤ "+f.limit)
		if err := b.report.SoFar(os.Stdout); err != nil {
			return err
		}
	}
	return err
}

// form runs every package's golden tests in a form. A package whose tests compared nothing is an error: its figures would be of less
// than they say.
func (b *bench) form(ctx context.Context, f form) (sum tally, err error) {
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(b.abreast)
	for _, pkg := range packages {
		g.Go(func() error {
			begin := time.Now()
			out, failed := b.golden(ctx, pkg, f.env, f.limit)
			mu.Lock()
			defer mu.Unlock()
			var own tally
			own.add(out)
			sum.join(own)
			fmt.Printf("%s %s: %d comparisons, %d failed, the worst %.3g, %d tests failed, in %.1f s\n", f.name, pkg, own.comparisons, own.failed, own.worst, own.tests, time.Since(begin).Seconds())
			if failed != nil {
				b.report.Notes = append(b.report.Notes, fmt.Sprintf("%s, %s: %v", f.name, pkg, failed))
				fmt.Printf("%s %s: %v\n%s\n", f.name, pkg, failed, failures(out))
			}
			if own.comparisons == 0 {
				return fmt.Errorf("%s, %s: no test compared anything", f.name, pkg)
			}
			return nil
		})
	}
	err = g.Wait()
	return sum, err
}

// golden runs the golden tests of a package on the device.
func (b *bench) golden(ctx context.Context, pkg, form, tolerance string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(b.tests, program(pkg)), "-test.run", "Golden|AgainstDiffusers|Parity", "-test.v")
	cmd.Dir = filepath.Join(b.root, pkg)
	cmd.Env = append(os.Environ(), "VIDEOSDGX_TEST_DEVICE="+b.device, "VIDEOSDGX_TEST_FORM="+form, "VIDEOSDGX_TEST_TOLERANCE="+tolerance,
		"GOLDENS="+filepath.Join(b.root, "functions/inference/golden/testdata"))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// tally is what tests said: errors of comparisons that passed, and of those that did not; and tests that failed, as those do too that
// do not come to a comparison.
type tally struct {
	worst                      float64
	comparisons, failed, tests int
}

var (
	near = regexp.MustCompile(`max error (\S+) of max\|want\|`)
	fail = regexp.MustCompile(`(?m)^--- FAIL:`)
	off  = regexp.MustCompile(`off by (\S+) at .* allowed (\S+) = (\S+) · max`)
)

func (t *tally) add(out string) {
	for _, m := range near.FindAllStringSubmatch(out, -1) {
		t.comparisons++
		v, _ := strconv.ParseFloat(m[1], 64) // the pattern's own number
		t.worst = max(t.worst, v)
	}
	for _, m := range off.FindAllStringSubmatch(out, -1) {
		t.comparisons++
		t.failed++
		by, _ := strconv.ParseFloat(m[1], 64)
		allowed, _ := strconv.ParseFloat(m[2], 64)
		tolerance, _ := strconv.ParseFloat(m[3], 64)
		if allowed > 0 {
			t.worst = max(t.worst, by/allowed*tolerance)
		}
	}
	t.failed += strings.Count(out, "panic:")
	t.tests += len(fail.FindAllString(out, -1))
}

// join adds what other tests said.
func (t *tally) join(other tally) {
	t.worst = max(t.worst, other.worst)
	t.comparisons += other.comparisons
	t.failed += other.failed
	t.tests += other.tests
}

// failures are the lines that say what failed.
func failures(out string) string {
	var lines []string
	for line := range strings.Lines(out) {
		if strings.Contains(line, "off by") || strings.Contains(line, "FAIL") || strings.Contains(line, "_test.go") && !strings.Contains(line, "max error") {
			lines = append(lines, strings.TrimRight(line, "\n"))
		}
	}
	return strings.Join(lines[:min(len(lines), 30)], "\n")
}
