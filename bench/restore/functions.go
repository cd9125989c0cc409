package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// heapMB is the private memory of the heap function, in MiB.
const heapMB = "512"

// echo is the smallest function: what its restore takes beyond CRIU is the path.
func (b *bench) echo(ctx context.Context) error {
	e, err := b.s.BuildEcho(ctx, b.dir)
	if err != nil {
		return err
	}
	p := b.pair("echo", func(ctx context.Context, name string, set map[string]any) error { return b.s.Deploy(ctx, name, e, set) })
	m, err := p.measure(ctx, `{}`)
	if err != nil {
		return err
	}
	b.r.Quantiles("restore_over_criu", m.over)
	b.r.Quantiles("restore_criu", m.criu)
	return nil
}

// heap has 512 MiB that do not compress, made by its initialisation. The rate is over the whole time to the first byte.
func (b *bench) heap(ctx context.Context) error {
	e, err := b.s.BuildEcho(ctx, b.dir)
	if err != nil {
		return err
	}
	p := b.pair("heap", func(ctx context.Context, name string, set map[string]any) error {
		set["env"] = map[string]string{"ECHO_INIT_HEAP_MB": heapMB}
		return b.s.Deploy(ctx, name, e, set)
	})
	m, err := p.measure(ctx, `{}`)
	if err != nil {
		return err
	}
	b.r.Figure("heap_restore_gb_s", float64(m.snapshot.Bytes)/1e6/m.restored.Ms(50))
	b.r.Figure("heap_restore_criu_gb_s", float64(m.snapshot.Bytes)/1e6/m.criu.Ms(50))
	return nil
}

// node is AWS's Node.js client with a function that computes for two seconds before it is ready.
func (b *bench) node(ctx context.Context) error {
	if out, err := exec.CommandContext(ctx, "images/node-ric/build.sh").CombinedOutput(); err != nil {
		return fmt.Errorf("images/node-ric/build.sh: %w\n%s", err, out)
	}
	layout := filepath.Join(b.dir, "node-layout")
	if out, err := exec.CommandContext(ctx, b.s.Bin, "image", "build", "images/node-ric", "--output", layout).CombinedOutput(); err != nil {
		return fmt.Errorf("image build images/node-ric: %w\n%s", err, out)
	}
	p := b.pair("node", func(ctx context.Context, name string, set map[string]any) error {
		set["image"] = "oci:" + layout
		set["command"] = []string{"/usr/bin/node", "/var/task/node_modules/aws-lambda-ric/bin/index.mjs", "slow.handler"}
		return b.s.Deploy(ctx, name, harness.Echo{}, set)
	})
	_, err := p.measure(ctx, `{"table":true}`)
	return err
}

// wan21 has a bundle of 1 GiB, of noise, which it maps. Its checkpoints are timed as well.
func (b *bench) wan21(ctx context.Context) error {
	w, err := b.s.BuildWan21(ctx, b.dir)
	if err != nil {
		return err
	}
	bundle := filepath.Join(b.dir, "bundle")
	if err := b.s.BuildBundle(ctx, "images/demo/wan21-tiny", bundle, "1GiB"); err != nil {
		return err
	}
	p := b.pair("wan21", func(ctx context.Context, name string, set map[string]any) error {
		return b.s.DeployModel(ctx, name, w, bundle, set)
	})
	m, err := p.measure(ctx, `{"ping":true}`)
	if err != nil {
		return err
	}
	dumps, err := p.checkpoints(ctx)
	if err != nil {
		return err
	}
	b.r.Quantiles("wan21_checkpoint", dumps)
	b.r.Figure("wan21_snapshot_mb", float64(m.snapshot.Bytes)/1e6)
	return nil
}
