// Command quant asks what quantized weights cost on the CPU. How fast is a tensor encoded and decoded in each format? How
// fast are products straight from codes, against ONNX Runtime's float32 on the same rows in the same run? What do they hold
// in private memory beside the mapped weights?
package main

import (
	"context"
	"flag"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/bench/harness"
)

type options struct {
	parts      string
	codecBytes int64
	rounds     int
	threads    int
	processor  bool
}

func main() {
	var o options
	flag.StringVar(&o.parts, "parts", "codecs,products,memory", "what to measure")
	flag.Int64Var(&o.codecBytes, "codec-bytes", 1<<30, "size in float32 of the tensor that codecs are measured on")
	flag.IntVar(&o.rounds, "rounds", 10, "rounds of each measurement; the figure is their median")
	flag.IntVar(&o.threads, "threads", 2, "threads of a product")
	flag.BoolVar(&o.processor, "processor-time", false, "measure products in this process's processor time, which tells more than the clock on a busy machine; with -threads 1, for idle threads wait actively")
	harness.Main("quant", func(ctx context.Context) error {
		r := harness.NewReport("quant")
		if err := measure(ctx, r, o); err != nil {
			return err
		}
		return r.Print(os.Stdout)
	})
}

var started = time.Now()

// clock is the time since the start, or the processor time that this process has taken.
func (o options) clock() time.Duration {
	if !o.processor {
		return time.Since(started)
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &now); err != nil {
		panic(err) // every Linux has it
	}
	return time.Duration(now.Nano())
}

func measure(ctx context.Context, r *harness.Report, o options) error {
	if err := harness.UseKernels(ctx); err != nil {
		return err
	}
	if strings.Contains(o.parts, "products") {
		for _, q := range questions {
			if err := products(ctx, r, q, o); err != nil {
				return err
			}
		}
	}
	if strings.Contains(o.parts, "memory") {
		if err := memory(ctx, r); err != nil {
			return err
		}
	}
	if strings.Contains(o.parts, "codecs") {
		return codecs(ctx, r, o.codecBytes, max(3, o.rounds/3))
	}
	return nil
}
