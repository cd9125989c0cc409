// Command chunk asks what one chunk of MAGI-1 costs on a GPU: the graph that functions/magi1 builds for the published shapes, random
// weights in BF16, with the keys and values of earlier chunks on the device. It says seconds a run by how many earlier chunks are
// attended to, seconds a step of a chunk (three passes, the mean of the four stages), and the share of the rate at which the card
// multiplies plain matrices, measured by torch in the same run. It needs a CUDA GPU and python3 with torch; see ../README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"os"

	"github.com/videosdgx/videosdgx/bench/harness"
)

func main() {
	b := bench{}
	flag.StringVar(&b.dir, "dir", os.TempDir(), "folder for the graph and its weights, about 1 GB; memory is best (/dev/shm)")
	flag.StringVar(&b.device, "device", "cuda:0", "device; cpu runs the plain graph in float32")
	flag.StringVar(&b.python, "python", "python3", "interpreter for the card's own rate; empty: leave it out")
	flag.StringVar(&b.shape, "shape", "4.5b", "4.5b, 24b, or tiny for trying the program")
	flag.StringVar(&b.activations, "activations", "fp16", "what the device computes in: fp16, as bundles have it by default, or bf16")
	flag.Int64Var(&b.side, "side", 720, "pixels of a side")
	flag.IntVar(&b.runs, "runs", 5, "runs of each, after two that are not counted")
	commit := flag.String("commit", "", "commit that this program was built from, where the checkout is elsewhere")
	harness.Main("chunk", func(ctx context.Context) (err error) {
		b.report = harness.NewGPUReport(ctx, "chunk", *commit)
		defer func() { err = errors.Join(err, b.report.Print(os.Stdout)) }()
		return b.run(ctx)
	})
}
