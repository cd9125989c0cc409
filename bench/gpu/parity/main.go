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
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// packages are those with golden tests of graphs, by the name of their test program.
var packages = map[string]string{"wan.test": "functions/wan", "t5.test": "functions/inference/text/t5", "vae.test": "functions/inference/vae",
	"kernels.test": "functions/inference/kernels/kernelstest"}

// forms are how the graphs run, and what may be asked of them.
var forms = []form{{"fp32", "", "1e-3"}, {"fused", "fused", "1e-3"}, {"bf16", "bf16", "2e-2"}, {"fp16", "fp16", "2e-2"}, {"half", "half", "2e-2"}}

type form struct{ name, env, limit string }

func main() {
	tests := flag.String("tests", "", "folder with the compiled test programs; empty: compile them with go")
	root := flag.String("root", ".", "the checkout")
	device := flag.String("device", "cuda:0", "device, or cpu: the forms are written out for it, every value rounded as on a GPU")
	only := flag.String("forms", "fp32,fused,bf16,fp16,half", "which forms")
	commit := flag.String("commit", "", "commit that the tests were built from, where the checkout is elsewhere")
	harness.Main("parity", func(ctx context.Context) (err error) {
		r := harness.NewGPUReport(ctx, "parity", *commit)
		defer func() { err = errors.Join(err, r.Print(os.Stdout)) }()
		abs, err := filepath.Abs(*root)
		if err != nil {
			return err
		}
		b := bench{root: abs, device: *device, report: r, forms: strings.Split(*only, ",")}
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
	for name, pkg := range packages {
		cmd := exec.CommandContext(ctx, "go", "test", "-c", "-o", filepath.Join(dir, name), "./"+pkg)
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
	report              *harness.Report
}

func (b *bench) run(ctx context.Context) error {
	for _, name := range b.forms {
		i := slices.IndexFunc(forms, func(f form) bool { return f.name == name })
		if i < 0 {
			return fmt.Errorf("form %q is none of fp32, fused, bf16, fp16, half", name)
		}
		f := forms[i]
		var sum tally
		for name, pkg := range packages {
			out, err := b.golden(ctx, name, pkg, f.env, f.limit)
			sum.add(out)
			if err != nil {
				b.report.Notes = append(b.report.Notes, fmt.Sprintf("%s, %s: %v", f.name, pkg, err))
				fmt.Printf("%s %s: %v\n%s\n", f.name, pkg, err, failures(out))
			}
		}
		if sum.comparisons == 0 {
			return fmt.Errorf("%s: no test compared anything", f.name)
		}
		b.report.Figure("parity_"+f.name+"_worst", sum.worst)
		b.report.Figure("parity_"+f.name+"_comparisons", float64(sum.comparisons))
		b.report.Figure("parity_"+f.name+"_failed", float64(sum.failed))
		b.report.Want("parity_"+f.name+"_failed", "= 0")
		b.report.Want("parity_"+f.name+"_worst", "≤ "+f.limit)
		if err := b.report.SoFar(os.Stdout); err != nil {
			return err
		}
	}
	return nil
}

// golden runs the golden tests of a package on the device.
func (b *bench) golden(ctx context.Context, name, pkg, form, tolerance string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(b.tests, name), "-test.run", "Golden|I2V|Parity", "-test.v")
	cmd.Dir = filepath.Join(b.root, pkg)
	cmd.Env = append(os.Environ(), "VIDEOSDGX_TEST_DEVICE="+b.device, "VIDEOSDGX_TEST_FORM="+form, "VIDEOSDGX_TEST_TOLERANCE="+tolerance,
		"GOLDENS="+filepath.Join(b.root, "functions/inference/golden/testdata"))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// tally is what tests said: errors of comparisons that passed, and of those that did not.
type tally struct {
	worst               float64
	comparisons, failed int
}

var (
	near = regexp.MustCompile(`max error (\S+) of max\|want\|`)
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
