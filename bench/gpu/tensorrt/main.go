// Command tensorrt asks what TensorRT plans of the demo model cost: how long each graph takes to build and how large its plan
// is, in every format that TensorRT has. TensorRT-RTX builds for the DGX Spark (sm_121) on a machine without any GPU. What plans
// do on a GPU is asked by the program in run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/serve"
	"github.com/videosdgx/videosdgx/functions/wan"
)

func main() {
	checkpoint := flag.String("checkpoint", "images/demo/wan21-tiny", "Wan checkpoint in the diffusers layout")
	formats := flag.String("formats", "bf16,fp8,nvfp4", "weights' formats")
	parts := flag.String("widths", "", "parts of the published models to build too, with noise for weights: all, or names such as dit_1_3b_layer,vae_480p_next")
	inFormats := flag.String("width-formats", "bf16", "formats of their weights")
	bare := flag.Bool("bare", false, "build the published parts without their weights")
	target := flag.Int("target", 121, "compute capability to build for: 121 is the DGX Spark's")
	harness.Main("tensorrt-plans", func(ctx context.Context) (err error) {
		dir, err := os.MkdirTemp("", "videosdgx-bench-")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		r := harness.NewReport("tensorrt-plans")
		for _, f := range strings.FieldsFunc(*formats, func(c rune) bool { return c == ',' }) {
			if err := plans(ctx, r, *checkpoint, filepath.Join(dir, f), f, *target); err != nil {
				return fmt.Errorf("in %s: %w", f, err)
			}
		}
		if *parts != "" {
			if err := widths(ctx, r, dir, *target, *parts, strings.Split(*inFormats, ","), *bare); err != nil {
				return err
			}
		}
		return r.Print(os.Stdout)
	})
}

// plans builds a bundle in a format and a plan of each of its graphs, as `videosdgx models plan` does.
func plans(ctx context.Context, r *harness.Report, checkpoint, dir, format string, target int) error {
	if _, err := serve.Build(ctx, checkpoint, dir, wan.Recipe, bundle.Options{Precision: format, Targets: []bundle.Target{serve.TensorRT()}}); err != nil {
		return err
	}
	all, err := serve.BuildPlans(ctx, dir, wan.Shapes, serve.PlanOptions{Capability: target})
	for _, p := range all {
		r.Figure(p.Graph+"_"+format+"_plan_seconds", p.Seconds)
		r.Figure(p.Graph+"_"+format+"_plan_mb", float64(p.Bytes)/1e6)
	}
	return err
}
