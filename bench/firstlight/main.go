// Command firstlight asks what a newcomer sees first: how long the first byte takes when nothing of the wan21 function
// runs, how long a clip of the demo model takes, and how much memory its instance holds at its peak and when idle,
// whatever the size of its weights.
package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"

	"github.com/videosdgx/videosdgx/bench/harness"
)

type options struct {
	server          harness.Options
	n, clips        int
	checkpoint, big string
}

func main() {
	var o options
	o.server.Driver = "auto"
	o.server.Flags(flag.CommandLine)
	flag.IntVar(&o.n, "n", 30, "cold starts")
	flag.IntVar(&o.clips, "clips", 20, "clips")
	flag.StringVar(&o.checkpoint, "checkpoint", "images/demo/wan21-tiny", "checkpoint of the demo model")
	flag.StringVar(&o.big, "big", "1GiB", "size of the large bundle")
	harness.Main("firstlight", func(ctx context.Context) error { return run(ctx, o) })
}

func run(ctx context.Context, o options) (err error) {
	s, err := harness.Start(ctx, o.server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	dir, err := os.MkdirTemp("", "videosdgx-firstlight-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{options: o, server: s, dir: dir, report: harness.NewReport("firstlight")}
	if b.function, err = s.BuildWan21(ctx, dir); err != nil {
		return err
	}
	for _, part := range []func(context.Context) error{b.small, b.coldStarts, b.clipTimes, b.large} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	for name, limit := range map[string]string{
		"absent_first_byte_p50_ms": "≤ 150", "demo_clip_s": "≤ 10", "demo_peak_rss_mb": "≤ 700",
		"idle_anon_mb": "≤ 60", "idle_anon_1gb_bundle_mb": "≤ 60",
	} {
		b.report.Want(name, limit)
	}
	return b.report.Print(os.Stdout)
}

type bench struct {
	options
	server   *harness.Server
	function harness.Wan21
	dir      string
	report   *harness.Report
}

const demo, noise = "firstlight-demo", "firstlight-noise"

// small deploys the demo model and starts it once, which unpacks the image and checks the bundle.
func (b *bench) small(ctx context.Context) error { return b.deploy(ctx, demo, "") }

func (b *bench) deploy(ctx context.Context, name, size string) error {
	bundle := filepath.Join(b.dir, name)
	if err := b.server.BuildBundle(ctx, b.checkpoint, bundle, size); err != nil {
		return err
	}
	if err := b.server.DeployModel(ctx, name, b.function, bundle); err != nil {
		return err
	}
	return b.ping(ctx, name)
}
