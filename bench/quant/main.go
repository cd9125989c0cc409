// Command quant asks what quantized weights cost on the CPU: how fast a tensor is encoded and decoded in each format.
package main

import (
	"context"
	"flag"
	"os"

	"github.com/videosdgx/videosdgx/bench/harness"
)

func main() {
	bytes := flag.Int64("codec-bytes", 1<<30, "size in float32 of the tensor that codecs are measured on")
	rounds := flag.Int("rounds", 5, "rounds of each measurement; the figure is their median")
	harness.Main("quant", func(ctx context.Context) error {
		r := harness.NewReport("quant")
		if err := codecs(ctx, r, *bytes, *rounds); err != nil {
			return err
		}
		return r.Print(os.Stdout)
	})
}
