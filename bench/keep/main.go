// Command keep asks whether anything gets lost: by backups that are killed in the middle, restores that are killed in the
// middle, an upgrade from an older build with jobs in the queue, and the way back. Figures end in _lost: 0.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/runtime/client"
)

type options struct {
	server       harness.Options
	jobs, queued int
	kills        int
	old          string
}

func main() {
	o := options{server: harness.Options{Driver: "process"}}
	o.server.Flags(flag.CommandLine)
	flag.IntVar(&o.jobs, "jobs", 80, "jobs of the server that is backed up")
	flag.IntVar(&o.queued, "queued", 200, "jobs in the queue at an upgrade")
	flag.IntVar(&o.kills, "kills", 10, "backups, and restores, that are killed")
	flag.StringVar(&o.old, "old", "", "an older videosdgx, to upgrade from; empty: the commit before, built")
	harness.Main("keep", func(ctx context.Context) error { return run(ctx, o) })
}

// model is the function and the model that jobs are for.
const model = "bench"

// bench is a server with jobs.
type bench struct {
	*harness.Server
	report *harness.Report
	client *client.Client
	dir    string
}

func run(ctx context.Context, o options) (err error) {
	if o.server.URL != "" || o.server.Driver != "process" {
		return errors.New("it kills servers of its own: leave -server out, and the driver at process")
	}
	r := harness.NewReport("keep")
	for _, part := range []func(context.Context, options, *harness.Report) error{backups, upgrade} {
		if err := part(ctx, o, r); err != nil {
			return err
		}
	}
	for _, figure := range []string{"backup_restore_lost", "upgrade_lost", "rollback_lost"} {
		r.Want(figure, "= 0")
	}
	if err := r.Print(os.Stdout); err != nil {
		return err
	}
	for name := range r.Limits {
		if !r.Met(name) {
			return fmt.Errorf("%s is %v", name, r.Figures[name])
		}
	}
	return nil
}

// begin starts a server whose function takes so long for a clip.
func begin(ctx context.Context, o harness.Options, r *harness.Report, delay string) (b *bench, end func(*error), err error) {
	s, dir, end, err := harness.Begin(ctx, o, "keep")
	if err != nil {
		return nil, nil, err
	}
	b = &bench{Server: s, report: r, dir: dir}
	if b.client, err = s.Client(); err == nil {
		err = b.deploy(ctx, delay)
	}
	if err != nil {
		end(&err)
		return nil, nil, err
	}
	return b, end, nil
}

func (b *bench) deploy(ctx context.Context, delay string) error {
	clip, bundle := filepath.Join(b.dir, "clip"), filepath.Join(b.dir, "bundle")
	if err := harness.Compile(ctx, clip, "bench/jobs/clip"); err != nil {
		return err
	}
	text := `{"format":"videosdgx-bundle","version":1,"family":"bench","name":"bench","files":[],"digest":"%s"}`
	sum := sha256.Sum256(fmt.Appendf(nil, text, "")) // a bundle's digest is that of its manifest with an empty one
	if err := errors.Join(os.MkdirAll(bundle, 0o755), os.WriteFile(filepath.Join(bundle, "bundle.json"), fmt.Appendf(nil, text, "sha256:"+hex.EncodeToString(sum[:])), 0o600)); err != nil {
		return err
	}
	return b.Call(ctx, "PUT", "/api/v1/functions/"+model, map[string]any{"name": model, "command": []string{clip}, "concurrency": 2, "snapshot": "off",
		"env": map[string]string{"VIDEOSDGX_BENCH_DELAY": delay}, "model": map[string]any{"name": model, "bundle": bundle}}, nil)
}

// submit queues jobs and gives their ids: what the server has said is queued.
func (b *bench) submit(ctx context.Context, n int) (ids []string, err error) {
	for i := range n {
		j, err := b.client.Submit(ctx, client.Submission{Model: model, Request: map[string]any{"prompt": fmt.Sprint("clip ", i)}})
		if err != nil {
			return ids, err
		}
		ids = append(ids, j.ID)
	}
	return ids, nil
}

// ended waits until so many jobs have ended.
func (b *bench) ended(ctx context.Context, n int) error {
	for {
		all, err := b.all(ctx)
		if err != nil {
			return err
		}
		done := 0
		for _, j := range all {
			if j.Ended() {
				done++
			}
		}
		if done >= n {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("only %d of %d jobs have ended: %w", done, n, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (b *bench) all(ctx context.Context) (out []client.Job, err error) {
	for before := ""; ; {
		page, next, err := b.client.Jobs(ctx, client.JobFilter{Limit: 500, Before: before})
		if err != nil {
			return nil, err
		}
		if out = append(out, page...); next == "" {
			return out, nil
		}
		before = next
	}
}

// lost counts the jobs that are not there, have not completed, or whose clip is not what their record says.
func (b *bench) lost(ctx context.Context, ids []string, sums map[string]string) (n int, err error) {
	all, err := b.all(ctx)
	if err != nil {
		return 0, err
	}
	byID := map[string]client.Job{}
	for _, j := range all {
		byID[j.ID] = j
	}
	for _, id := range ids {
		j := byID[id]
		if j.Status != "completed" || j.Result == nil || sums[id] != "" && sums[id] != j.Result.SHA256 {
			b.report.Note("job %s is lost: %q, %+v", id, j.Status, j.Error)
			n++
			continue
		}
		if err := b.clip(ctx, j); err != nil {
			b.report.Note("the clip of job %s is lost: %v", id, err)
			n++
		}
	}
	return n, nil
}

func (b *bench) clip(ctx context.Context, j client.Job) error {
	c, err := b.client.Download(ctx, j)
	if err != nil {
		return err
	}
	defer c.Close()
	h := sha256.New()
	if _, err := io.Copy(h, c); err != nil {
		return err
	}
	if hex.EncodeToString(h.Sum(nil)) != j.Result.SHA256 {
		return errors.New("it is another")
	}
	return nil
}
