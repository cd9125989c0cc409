// Command quant asks what quantized weights cost on the CPU. How fast is a tensor encoded and decoded in each format? How
// fast are products straight from codes, against ONNX Runtime's float32 on the same rows in the same run? What do they hold
// in private memory beside the mapped weights?
package main

import (
	"context"
	"flag"
	"os"
	"strings"

	"github.com/videosdgx/videosdgx/bench/harness"
)

func main() {
	parts := flag.String("parts", "codecs,products,memory", "what to measure")
	bytes := flag.Int64("codec-bytes", 1<<30, "size in float32 of the tensor that codecs are measured on")
	rounds := flag.Int("rounds", 10, "rounds of each measurement; the figure is their median")
	harness.Main("quant", func(ctx context.Context) error {
		r := harness.NewReport("quant")
		if err := measure(ctx, r, *parts, *bytes, *rounds); err != nil {
			return err
		}
		return r.Print(os.Stdout)
	})
}

func measure(ctx context.Context, r *harness.Report, parts string, bytes int64, rounds int) error {
	if err := harness.UseKernels(ctx); err != nil {
		return err
	}
	if strings.Contains(parts, "products") {
		for _, q := range questions {
			if err := products(ctx, r, q, rounds); err != nil {
				return err
			}
		}
	}
	if strings.Contains(parts, "memory") {
		if err := memory(ctx, r); err != nil {
			return err
		}
	}
	if strings.Contains(parts, "codecs") {
		return codecs(ctx, r, bytes, max(3, rounds/3))
	}
	return nil
}
