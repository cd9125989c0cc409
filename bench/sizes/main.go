// Command sizes asks how large a bundle of the published 14B transformer is in each format, and how much memory building it takes:
// weights are noise that nobody stores, everything else is a build as any. The share is of the float32 weights, which are not
// written.
//
// The noise repeats; on a file system that compresses, -repeat 4096 makes the 29 GB of bf16 a few.
//
//	go run ./bench/sizes -dir /tmp -layers 40        # 29 GB of disk at most for bf16, one format after the other
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/wan"
)

// limits are what the shares may be at most.
var limits = map[string]string{"fp8": "≤ 0.30", "nf4": "≤ 0.20", "bf16": "≤ 0.51"}

func main() {
	dir := flag.String("dir", os.TempDir(), "folder for the bundles, which are removed")
	layers := flag.Int64("layers", 40, "blocks of the transformer; the published one has 40")
	heads := flag.Int64("heads", 40, "heads of each, which its width follows; the published one has 40")
	formats := flag.String("formats", "fp8,nf4,bf16", "formats, one after the other")
	repeat := flag.Int("repeat", 1<<20, "values of noise before it repeats")
	harness.Main("sizes", func(ctx context.Context) error {
		if *repeat < 1 {
			return fmt.Errorf("-repeat %d: at least one value", *repeat)
		}
		r := harness.NewReport("sizes")
		err := measure(ctx, r, *dir, transformer(*layers, *heads), strings.Split(*formats, ","), row(*repeat))
		return errors.Join(err, r.Print(os.Stdout))
	})
}

// transformer is the published one, or one of fewer blocks and heads.
func transformer(layers, heads int64) wan.TransformerConfig {
	return wan.TransformerConfig{NumHeads: heads, HeadDim: 128, InChannels: 16, OutChannels: 16, TextDim: 4096, FFNDim: heads * 13824 / 40 / 64 * 64, NumLayers: layers}
}

func measure(ctx context.Context, r *harness.Report, dir string, c wan.TransformerConfig, formats []string, row []float32) error {
	net, err := wan.Transformer(c, nn.Options{})
	if err != nil {
		return err
	}
	params := int64(0)
	source := noise{shapes: map[string][]int64{}, row: row}
	for _, p := range net.Params() {
		params += p.Elements()
		source.shapes[p.Name] = p.Dims
	}
	r.Figure("parameters", float64(params))
	for _, format := range formats {
		begin := time.Now()
		size, err := build(ctx, filepath.Join(dir, "videosdgx-sizes-"+format), format, c, source)
		if err != nil {
			return fmt.Errorf("%s: %w", format, err)
		}
		r.Figure(format+"_bundle_gb", float64(size)/1e9)
		r.Figure(format+"_size_share", float64(size)/float64(4*params))
		r.Want(format+"_size_share", limits[format])
		r.Figure(format+"_build_s", time.Since(begin).Seconds())
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return err
	}
	r.Figure("build_peak_rss_mb", float64(usage.Maxrss)/1024)
	r.Want("build_peak_rss_mb", "≤ 1024")
	return nil
}

// build makes a bundle, weighs it and removes it.
func build(ctx context.Context, dir, format string, c wan.TransformerConfig, source nn.Source) (size int64, err error) {
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	recipe := bundle.Recipe{Family: "sizes", Name: "sizes", Weights: func(string) nn.Source { return source },
		Graphs: []bundle.Graph{{Name: "transformer", Component: "transformer", Build: func(o nn.Options) (*nn.Net, error) { return wan.Transformer(c, o) }}}}
	if _, err := bundle.Build(ctx, recipe, dir, bundle.Options{Precision: format, Targets: []bundle.Target{{Engine: "cpu"}}}); err != nil {
		return 0, err
	}
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}

// noise is a checkpoint whose tensors all read from one row of random numbers.
type noise struct {
	shapes map[string][]int64
	row    []float32
}

func row(n int) []float32 {
	r, v := rand.New(rand.NewPCG(1, 2)), make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64()) / 50
	}
	return v
}

func (n noise) Info(name string) (weights.Info, error) {
	return weights.Info{Name: name, DType: weights.F32, Shape: n.shapes[name]}, nil
}

func (n noise) ReadFloat32(_ string, at int64, dst []float32) error {
	for len(dst) > 0 {
		from := n.row[at%int64(len(n.row)):]
		k := copy(dst, from)
		dst, at = dst[k:], at+int64(k)
	}
	return nil
}
