// Command restore asks what a snapshot is worth: each function is started plainly and from its snapshot, in turns, and the
// first bytes of the answers are compared. It needs the containerd driver, CRIU, and, for the Node.js function, npm and a
// C++ compiler the first time; run it in the checkout's root.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/videosdgx/videosdgx/bench/harness"
)

type options struct {
	server    harness.Options
	n, warmup int
	only      string
}

func main() {
	var o options
	o.server.Driver = "containerd"
	o.server.Flags(flag.CommandLine)
	flag.IntVar(&o.n, "n", 30, "starts of each kind, and checkpoints")
	flag.IntVar(&o.warmup, "warmup", 2, "starts of each kind before that are not counted")
	flag.StringVar(&o.only, "only", "echo,heap,node,wan21", "which functions")
	harness.Main("restore", func(ctx context.Context) error { return run(ctx, o) })
}

func run(ctx context.Context, o options) (err error) {
	if o.server.URL != "" {
		return errors.New("it reads CRIU's times from the log of the server that it starts: leave -server out")
	}
	b := &bench{o: o, criu: make(criuTimes, 1000), r: harness.NewReport("restore")}
	o.server.Args, o.server.Log = append(o.server.Args, "--log-level", "debug"), b.criu
	var end func(*error)
	if b.s, b.dir, end, err = harness.Begin(ctx, o.server, "restore"); err != nil {
		return err
	}
	defer end(&err)
	for _, f := range []struct {
		name string
		do   func(context.Context) error
	}{{"echo", b.echo}, {"heap", b.heap}, {"node", b.node}, {"wan21", b.wan21}} {
		if !strings.Contains(o.only, f.name) {
			continue
		}
		if err := f.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	b.want()
	return b.r.Print(os.Stdout)
}

// want are the limits of the issue.
func (b *bench) want() {
	b.r.Want("restore_over_criu_p50_ms", "≤ 60")
	b.r.Want("heap_restore_gb_s", "≥ 1.5")
	b.r.Want("node_restore_p50_ms", "≤ 250")
	b.r.Want("wan21_checkpoint_p50_ms", "≤ 400")
	b.r.Want("wan21_snapshot_mb", "≤ 40")
}
