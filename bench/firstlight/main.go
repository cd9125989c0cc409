// Command firstlight asks what a newcomer sees first: how long the first byte takes when nothing of the wan21 function
// runs, how long a clip of the demo model takes, when its first picture and its first frame can be seen, and how much
// memory its instance holds at its peak and when idle, whatever the size of its weights.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

type options struct {
	server          harness.Options
	n               int
	clips, watched  int
	checkpoint, big string
	settle          time.Duration
	request         map[string]any
	precision       string
}

func main() {
	var o options
	o.server.Driver = "auto"
	o.server.Flags(flag.CommandLine)
	flag.IntVar(&o.n, "n", 30, "cold starts; 0: nothing but the comparison of -against is measured")
	flag.IntVar(&o.clips, "clips", 20, "clips")
	flag.IntVar(&o.watched, "watched", 10, "more clips whose progress is followed, from absent")
	flag.StringVar(&o.checkpoint, "checkpoint", "images/demo/wan21-tiny", "checkpoint of the demo model")
	flag.StringVar(&o.big, "big", "1GiB", "size of the large bundle")
	flag.DurationVar(&o.settle, "settle", 2*time.Second, "rest before the memory of an idle instance is read")
	flag.StringVar(&o.precision, "against", "", "another precision (none, bf16 …), whose clips are made in turns with the default one's; empty: no comparison")
	request := flag.String("request", "{}", "fields of the clips' requests besides prompt and seed, as JSON")
	harness.Main("firstlight", func(ctx context.Context) error {
		if err := json.Unmarshal([]byte(*request), &o.request); err != nil {
			return fmt.Errorf("-request is not a JSON object: %w", err)
		}
		return run(ctx, o)
	})
}

func run(ctx context.Context, o options) (err error) {
	s, dir, end, err := harness.Begin(ctx, o.server, "firstlight")
	if err != nil {
		return err
	}
	defer end(&err)
	b := &bench{options: o, server: s, dir: dir, report: harness.NewReport("firstlight")}
	if b.function, err = s.BuildWan21(ctx, dir); err != nil {
		return err
	}
	parts := []func(context.Context) error{b.prepare, b.rounds, b.large, b.compare}
	if o.n == 0 {
		parts = []func(context.Context) error{b.prepare, b.compare}
	}
	for _, part := range parts {
		if err := part(ctx); err != nil {
			return err
		}
	}
	if o.n == 0 {
		return b.report.Print(os.Stdout)
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

// Several functions, so that the one that makes clips need not be stopped for the others' cold starts.
const cold, demo, noise, other = "firstlight-cold", "firstlight-demo", "firstlight-noise", "firstlight-other"

// prepare deploys the demo model and starts it once, which unpacks the image and checks the bundle.
func (b *bench) prepare(ctx context.Context) error {
	bundle := filepath.Join(b.dir, demo)
	if err := b.server.BuildBundle(ctx, b.checkpoint, bundle, ""); err != nil {
		return err
	}
	return errors.Join(b.deploy(ctx, cold, bundle), b.deploy(ctx, demo, bundle))
}

func (b *bench) deploy(ctx context.Context, name, bundle string) error {
	if err := b.server.DeployModel(ctx, name, b.function, bundle); err != nil {
		return err
	}
	return b.ping(ctx, name)
}
