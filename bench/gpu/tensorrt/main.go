// Command tensorrt asks what TensorRT plans of the demo model cost: how long each graph takes to build and how large its plan
// is, in every format that TensorRT has. TensorRT-RTX builds for the DGX Spark (sm_121) on a machine without any GPU.
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
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
)

func main() {
	checkpoint := flag.String("checkpoint", "images/demo/wan21-tiny", "Wan 2.1 checkpoint in the diffusers layout")
	formats := flag.String("formats", "bf16,fp8,nvfp4", "weights' formats")
	target := flag.Int("target", 121, "compute capability to build for: 121 is the DGX Spark's")
	harness.Main("tensorrt-plans", func(ctx context.Context) (err error) {
		dir, err := os.MkdirTemp("", "videosdgx-bench-")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		install, err := rtx()
		if err != nil {
			return err
		}
		b := bench{checkpoint: *checkpoint, dir: dir, target: *target, builder: tensorrt.Builder{Install: install}, report: harness.NewReport("tensorrt-plans")}
		if err := b.record(ctx); err != nil {
			return err
		}
		for _, f := range strings.Split(*formats, ",") {
			if err := b.plans(ctx, f, filepath.Join(dir, f)); err != nil {
				return err
			}
		}
		return b.report.Print(os.Stdout)
	})
}

// rtx is the machine's TensorRT-RTX.
func rtx() (tensorrt.Install, error) {
	all, err := tensorrt.Find()
	for _, at := range all {
		if at.Family == tensorrt.RTX {
			return at, nil
		}
	}
	if err == nil {
		err = fmt.Errorf("there is a TensorRT here, but no TensorRT-RTX: run `make setup-tensorrt`")
	}
	return tensorrt.Install{}, err
}
