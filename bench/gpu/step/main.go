// Command step asks what one denoising step costs on a GPU: graphs that functions/wan21 builds for the published shapes, random
// weights, guidance on, in BF16 and with FP8 products, beside diffusers' eager and compiled transformer of the same shapes in
// the same run. It needs a CUDA GPU, and python3 with torch and diffusers for the comparison; see ../README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"strings"

	"github.com/videosdgx/videosdgx/bench/harness"
)

func main() {
	b := bench{dir: os.TempDir()}
	flag.StringVar(&b.dir, "dir", b.dir, "folder for the graphs and their weights, about 1 GB; memory is best (/dev/shm)")
	flag.StringVar(&b.device, "device", "cuda:0", "device; or several, cuda:0,cuda:1: the first by itself, then all, each with the whole graph for one half of guidance, then each with a part of it")
	flag.StringVar(&b.python, "python", "python3", "interpreter for the comparison; empty: leave it out")
	flag.IntVar(&b.steps, "steps", 5, "steps of each, after two that are not counted")
	models := flag.String("models", "1.3b,14b", "which shapes")
	formats := flag.String("formats", "bf16,fp16,fp8", "which weights, and products: bf16, fp16, fp8 (on one device twice: as fp8, whose activations are FP16 besides, as bundles have them, and as fp8bf16, where they are BF16, the residual stream included: models build --activations bf16)")
	attention := flag.String("attention", "auto", "which attention, each after the other: auto, exact (this project's operator), int8 (it, with scores of codes), library (ONNX Runtime's), cross (exact, but that of the text's 512 keys the library's)")
	commit := flag.String("commit", "", "commit that this program was built from, where the checkout is elsewhere")
	flag.IntVar(&b.record, "record", 0, "record the runs of so many shapes, as CUDA graphs; the two predictions have one shape")
	flag.IntVar(&b.abreast, "abreast", 1, "predictions that one device is given at once")
	flag.StringVar(&b.profile, "profile", "", "prefix of files with the time of every node; the figures are then those of a profiled run")
	flag.BoolVar(&b.check, "check", false, "compare each format's prediction with the plain float32 graph's, two layers of it, on the same device")
	harness.Main("step", func(ctx context.Context) (err error) {
		b.report = harness.NewGPUReport(ctx, "step", *commit)
		defer func() { err = errors.Join(err, b.report.Print(os.Stdout)) }()
		if err := b.choose(); err != nil {
			return err
		}
		listed := strings.Split(*formats, ",")
		if len(b.over) == 1 {
			listed = forms(listed)
		}
		return b.run(ctx, strings.Split(*models, ","), kinds(listed, strings.Split(*attention, ",")))
	})
}
