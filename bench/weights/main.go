// Command weights asks what the size of a model's weights costs. First its cold start: the first byte of the wan21
// function from absent, staged and a snapshot, with bundles of noise from 64 MiB to 8 GiB, the files in the page cache and
// their digests checked once before.
// Then its memory: one against four instances of one model that have all used its weights, where memory is the
// proportional set size, so that pages which instances share count once.
package main

import (
	"cmp"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

type options struct {
	server                      harness.Options
	n, warmup                   int
	sizes                       []string
	shared, bundles, checkpoint string
	quant                       []string
	together                    int
	settle                      time.Duration
}

func main() {
	var o options
	o.server.Driver = "auto"
	o.server.Flags(flag.CommandLine)
	sizes := flag.String("sizes", "64MiB,256MiB,1GiB,2GiB,4GiB,8GiB", "sizes of weights; the ratio is that of the last over the first")
	flag.IntVar(&o.n, "n", 30, "cold starts per size")
	flag.IntVar(&o.warmup, "warmup", 2, "cold starts per size before that are not counted")
	quant := flag.String("quant", "none", "what the bundles' weights are held as; of several (none,fp8,nf4) each is measured in turns and compared with the first; sizes are those in float32")
	flag.StringVar(&o.shared, "shared", "1GiB", "size of the model that several instances share; empty: that is not measured")
	flag.IntVar(&o.together, "together", 4, "instances that share it")
	flag.StringVar(&o.bundles, "bundles", "", "folder in which bundles are kept for the next run; empty: a temporary one")
	flag.StringVar(&o.checkpoint, "checkpoint", "images/demo/wan21-tiny", "checkpoint that bundles of noise are shaped after")
	flag.DurationVar(&o.settle, "settle", 2*time.Second, "rest before memory is read")
	harness.Main("weights", func(ctx context.Context) error {
		o.sizes, o.quant = strings.Split(*sizes, ","), strings.Split(*quant, ",")
		return run(ctx, o)
	})
}

type bench struct {
	options
	server   *harness.Server
	function harness.Wan21
	report   *harness.Report
}

func run(ctx context.Context, o options) (err error) {
	s, dir, end, err := harness.Begin(ctx, o.server, "weights")
	if err != nil {
		return err
	}
	defer end(&err)
	if o.bundles == "" {
		o.bundles = filepath.Join(dir, "bundles")
	}
	b := &bench{options: o, server: s, report: harness.NewReport("weights")}
	if b.function, err = s.BuildWan21(ctx, dir); err != nil {
		return err
	}
	if err := b.coldStarts(ctx); err != nil {
		return err
	}
	for _, format := range b.distinct() {
		if err := b.sharing(ctx, format); err != nil {
			return err
		}
	}
	return b.report.Print(os.Stdout)
}

// bundle gives the bundle of a size and a format, and makes it where there is none.
func (b *bench) bundle(ctx context.Context, size, format string) (string, error) {
	format = cmp.Or(format, b.quant[0])
	dir, err := filepath.Abs(filepath.Join(b.bundles, "noise-"+format+"-"+size))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, "bundle.json")); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	return dir, b.server.BuildBundle(ctx, b.checkpoint, dir, size, "--quant", format)
}
