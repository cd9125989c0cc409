// Command peers measures on the same machine, in the same run, what else one could use: bare containerd (`ctr run` of the
// same image), a minimal server that forks the function for every event, the AWS Lambda Runtime Interface Emulator where
// it is on the PATH, and one FastAPI process with the demo model loaded by the reference Python libraries where those are
// installed. Ratios of their times over ours are the result; absolute times are context. What is missing is said.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/videosdgx/videosdgx/bench/harness"
)

type options struct {
	server             harness.Options
	n, warm, large     int
	clips, starts      int
	checkpoint, python string
}

func main() {
	var o options
	o.server.Driver = "auto"
	o.server.Flags(flag.CommandLine)
	flag.IntVar(&o.n, "n", 50, "cold starts of each")
	flag.IntVar(&o.warm, "warm", 2000, "warm calls of each")
	flag.IntVar(&o.large, "large", 50, "events of 5 MiB for each")
	flag.IntVar(&o.clips, "clips", 5, "clips of ours and of the FastAPI process")
	flag.IntVar(&o.starts, "starts", 3, "starts of the FastAPI process")
	flag.StringVar(&o.checkpoint, "checkpoint", "images/demo/wan21-tiny", "checkpoint of the demo model")
	flag.StringVar(&o.python, "python", "python3", "Python with fastapi, uvicorn, torch and diffusers")
	harness.Main("peers", func(ctx context.Context) error { return run(ctx, o) })
}

type bench struct {
	options
	server  *harness.Server
	echo    harness.Echo
	dir     string
	report  *harness.Report
	runtime *runtimeAPI
	all     []*contender
}

func run(ctx context.Context, o options) (err error) {
	s, dir, end, err := harness.Begin(ctx, o.server, "peers")
	if err != nil {
		return err
	}
	defer end(&err)
	b := &bench{options: o, server: s, dir: dir, report: harness.NewReport("peers")}
	if b.runtime, err = serveRuntimeAPI(); err != nil {
		return err
	}
	defer b.runtime.close()
	if b.echo, err = s.BuildEcho(ctx, dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.end(context.WithoutCancel(ctx))) }()
	for _, p := range []peer{{"ours", b.ours}, {"fork-exec", b.forkExec}, {"ctr", b.ctr}, {"aws-lambda-rie", b.emulator}} {
		if err := b.join(ctx, p); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	if err := harness.Rounds(ctx, b.round); err != nil {
		return err
	}
	for _, c := range b.all {
		c.report(b.report)
	}
	if err := b.fastAPI(ctx); err != nil {
		return fmt.Errorf("FastAPI: %w", err)
	}
	b.ratios()
	return b.report.Print(os.Stdout)
}

// ratios are above one where we are faster.
func (b *bench) ratios() {
	for _, r := range []struct{ name, peer, ours string }{
		{"ctr_cold_over_ours", "ctr_cold_p50_ms", "ours_absent_p50_ms"},
		{"forkexec_cold_over_ours", "forkexec_cold_p50_ms", "ours_absent_p50_ms"},
		{"rie_warm_over_ours", "rie_warm_p50_ms", "ours_warm_p50_ms"},
		{"rie_event_5mb_over_ours", "rie_event_5mb_p50_ms", "ours_event_5mb_p50_ms"},
		{"rie_event_5mb_json_over_ours", "rie_event_5mb_json_p50_ms", "ours_event_5mb_json_p50_ms"},
		{"fastapi_ready_over_ours", "fastapi_ready_p50_ms", "ours_model_cold_p50_ms"},
		{"fastapi_clip_over_ours", "fastapi_clip_p50_ms", "ours_clip_p50_ms"},
		{"fastapi_idle_memory_over_ours", "fastapi_idle_pss_mb", "ours_idle_pss_mb"},
	} {
		_, peer := b.report.Figures[r.peer]
		if _, ours := b.report.Figures[r.ours]; peer && ours {
			b.report.Ratio(r.name, r.peer, r.ours)
		}
	}
}
