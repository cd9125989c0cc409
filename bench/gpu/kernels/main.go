// Command kernels has the kernels of attention and of convolutions checked and timed by themselves, by the programs of
// ../attention and ../convolution, and makes one report of what they say, with cuDNN's attention through PyTorch beside. It needs one
// GPU of compute capability 9.0; see ../README.md.
package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/videosdgx/videosdgx/bench/harness"
)

func main() {
	b := bench{out: os.Stdout}
	flag.StringVar(&b.attention, "attention", "", "the program of attention/main.cu; empty: leave it out")
	flag.StringVar(&b.convolution, "convolution", "", "the program of convolution/build.sh; empty: leave it out")
	flag.StringVar(&b.python, "python", "python3", "interpreter with torch for cuDNN's attention; empty: leave it out")
	commit := flag.String("commit", "", "commit that the programs were built from")
	harness.Main("kernels", func(ctx context.Context) (err error) {
		b.report = harness.NewGPUReport(ctx, "kernels", *commit)
		defer func() { err = errors.Join(err, b.report.Print(os.Stdout)) }()
		return b.run(ctx)
	})
}

type bench struct {
	attention, convolution, python string
	report                         *harness.Report
	out                            io.Writer // hears every line as it comes
}

// cases are what attention's program is asked: checks of every query, of both types, sizes of heads and kinds of values; errors and
// times at the sizes of Wan's, whose cross attention has 512 keys, and of keys between for where the library's kernel is faster.
var cases = []string{
	"check exact 1 1 128 176 128 bf16", "check exact 2 3 200 500 128 bf16", "check exact 1 2 77 1000 128 f16", "check exact 2 2 300 77 64 bf16",
	"check exact 1 3 333 700 64 f16", "check exact 1 2 300 5000 64 f16", "check exact 2 3 300 3000 128 bf16 wan", "check exact 1 2 300 3000 128 f16 wan",
	"check exact 1 2 300 3000 128 bf16 negative", "check exact 1 2 300 3000 128 f16 negative", "check exact 1 2 300 3000 128 bf16 rising",
	"check exact 1 1 1 1 128 bf16", "check exact 1 2 300 500 128 bf16 nothing",
	"check int8 1 1 128 128 128 bf16", "check int8 1 2 77 1000 128 f16", "check int8 2 3 300 3000 128 bf16 wan", "check int8 1 2 300 3000 128 bf16 rising",
	"check int8 1 1 1 1 128 bf16", "check int8 1 2 300 500 128 bf16 nothing", "check int8 1 2 300 500 128 f16 nothing",
	"error exact 1 12 32760 32760 128 bf16", "error exact 1 12 32760 32760 128 f16", "error exact 1 24 32760 32760 64 bf16", "error exact 1 24 32760 32760 64 f16",
	"error exact 1 12 32760 32760 128 bf16 wan", "error int8 1 12 32760 32760 128 bf16", "error int8 1 12 32760 32760 128 bf16 wan",
	"time exact 1 12 32760 32760 128 bf16", "time int8 1 12 32760 32760 128 bf16", "time exact 1 12 32760 32760 128 f16", "time int8 1 12 32760 32760 128 f16",
	"time exact 1 40 32760 32760 128 bf16", "time int8 1 40 32760 32760 128 bf16", "time exact 1 24 32760 32760 64 bf16", "time exact 1 24 32760 32760 64 f16",
	"time exact 1 12 32760 256 128 bf16", "time exact 1 12 32760 512 128 bf16", "time exact 1 12 32760 1024 128 bf16", "time exact 1 12 32760 2048 128 bf16",
	"time exact 1 12 32760 4096 128 bf16", "time exact 1 40 32760 512 128 bf16",
}

// run asks every program. One that fails or says what is wrong does not keep the others from being asked.
func (b *bench) run(ctx context.Context) (err error) {
	s := sum{report: b.report}
	if b.attention != "" {
		for _, c := range cases {
			err = errors.Join(err, b.lines(ctx, s.attention, b.attention, strings.Fields(c)...))
		}
		b.report.Figure("attention_checks", float64(s.checks))
		b.report.Figure("attention_wrong", float64(s.wrong))
		b.report.Want("attention_wrong", "= 0")
	}
	if b.python != "" {
		err = errors.Join(err, b.lines(ctx, s.cudnn, b.python, "-c", script))
	}
	s.ratios()
	err = errors.Join(err, b.report.SoFar(b.out))
	if b.convolution != "" {
		s.checks, s.wrong = 0, 0
		err = errors.Join(err, b.lines(ctx, s.convolution, b.convolution))
		b.report.Figure("convolution_checks", float64(s.checks))
		b.report.Figure("convolution_wrong", float64(s.wrong))
		b.report.Want("convolution_wrong", "= 0")
	}
	return err
}

//go:embed cudnn.py
var script string

// lines gives each line that a program prints to take. A check that finds an error ends its program with 1; the line counts it.
func (b *bench) lines(ctx context.Context, take func(string) error, program string, args ...string) (err error) {
	var said, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&said, b.out), &errs
	failed := cmd.Run()
	took := 0
	for l := bufio.NewScanner(&said); l.Scan(); took++ {
		if e := take(l.Text()); e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", strings.Join(args[:min(len(args), 8)], " "), e))
		}
	}
	if failed != nil && (errs.Len() > 0 || took == 0) {
		err = errors.Join(err, fmt.Errorf("%s: %w: %s", program, failed, bytes.TrimSpace(errs.Bytes())))
	}
	return err
}
