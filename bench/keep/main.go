// Command keep asks whether anything gets lost: by backups that are killed in the middle, restores that are killed in the
// middle, an upgrade from an older build with jobs in the queue, and the way back. Figures end in _lost: 0.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
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

// command runs videosdgx; kill ends it after a while. What it had begun by then must do no harm.
func (b *bench) command(ctx context.Context, kill time.Duration, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, b.Bin, args...)
	if kill > 0 {
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		time.Sleep(kill)
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed, or done already
		return nil, nil
	}
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("videosdgx %s: %w: %s", strings.Join(args, " "), err, said.String())
	}
	return out, nil
}

// backups kills backups of a server that works, makes one, kills the server, kills restores, makes one, and looks.
func backups(ctx context.Context, o options, r *harness.Report) (err error) {
	b, end, err := begin(ctx, o.server, r, "500ms")
	if err != nil {
		return err
	}
	defer end(&err)
	repo := filepath.Join(b.dir, "repo")
	ids, err := b.submit(ctx, o.jobs)
	if err != nil {
		return err
	}
	if err := b.ended(ctx, o.jobs/8); err != nil {
		return err
	}
	create := []string{"backup", "create", repo, "--data", b.Data, "--functions", b.Functions, "--json"}
	begun := time.Now()
	if _, err := b.command(ctx, 0, create...); err != nil {
		return err
	}
	took := time.Since(begun)
	for range o.kills {
		if _, err := b.command(ctx, time.Duration(1+rand.Int64N(int64(took))), create...); err != nil { //nolint:gosec // a time to kill at
			return err
		}
		if _, err := b.command(ctx, 0, "backup", "verify", repo); err != nil {
			return fmt.Errorf("after a kill: %w", err)
		}
	}
	sums := map[string]string{} // of what is done before the backup that counts
	done, err := b.all(ctx)
	if err != nil {
		return err
	}
	for _, j := range done {
		if j.Status == "completed" {
			sums[j.ID] = j.Result.SHA256
		}
	}
	out, err := b.command(ctx, 0, create...)
	if err != nil {
		return err
	}
	var made struct {
		Files    int    `json:"files"`
		NewBytes string `json:"newBytes"`
	}
	_ = json.Unmarshal(out, &made) // a figure beside
	r.Figure("backup_files", float64(made.Files))
	r.Figure("backup_done_before", float64(len(sums)))
	if err := b.Kill(); err != nil {
		return err
	}
	b.endInstances()
	if err := b.restore(ctx, o, repo, took); err != nil {
		return err
	}
	if err := b.ended(ctx, len(ids)); err != nil {
		return err
	}
	lost, err := b.lost(ctx, ids, sums)
	r.Figure("backup_restore_lost", float64(lost))
	return err
}

// endInstances ends what the killed server had started: nobody finds it once its folder is gone.
func (b *bench) endInstances() {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, line := range lines {
		text, _ := os.ReadFile(line)
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(line))); err == nil && strings.Contains(string(text), "\x00"+b.Data+"/") {
			_ = syscall.Kill(pid, syscall.SIGTERM) // it may have ended by itself
		}
	}
}

// restore takes everything away, restores it with kills in the middle, and starts the server again.
func (b *bench) restore(ctx context.Context, o options, repo string, took time.Duration) error {
	for _, dir := range []string{b.Data, b.Functions} {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	restore := []string{"backup", "restore", repo, "--data", b.Data, "--functions", b.Functions}
	killed := 0
	for try := 0; killed < o.kills && try < 20*o.kills; try++ {
		if _, err := b.command(ctx, time.Duration(1+rand.Int64N(int64(took))), restore...); err != nil { //nolint:gosec // as above
			return err
		}
		_, begun := os.Stat(b.Data)
		_, marked := os.Stat(filepath.Join(b.Data, ".restoring"))
		switch {
		case begun == nil && marked == nil:
			killed++ // and the next goes on with it
		case begun == nil: // it was faster than its end
			if err := errors.Join(os.RemoveAll(b.Data), os.RemoveAll(b.Functions)); err != nil {
				return err
			}
		}
	}
	b.report.Figure("restore_kills", float64(killed))
	if _, err := b.command(ctx, 0, restore...); err != nil {
		return err
	}
	return b.Relaunch(ctx)
}

// upgrade stops an older build with jobs in its queue, has this one go on, stops it with the rest, and has the older finish.
func upgrade(ctx context.Context, o options, r *harness.Report) (err error) {
	older := o.server
	if older.Binary = o.old; o.old == "" {
		dir, err := os.MkdirTemp("", "videosdgx-old-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if older.Binary, err = previous(ctx, dir); err != nil {
			return err
		}
	}
	newer := o.server.Binary
	if newer == "" {
		dir, err := os.MkdirTemp("", "videosdgx-new-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if newer, err = harness.Build(ctx, dir); err != nil {
			return err
		}
	}
	b, end, err := begin(ctx, older, r, "60ms")
	if err != nil {
		return err
	}
	defer end(&err)
	ids, err := b.submit(ctx, o.queued)
	if err != nil {
		return err
	}
	r.Figure("upgrade_queued", float64(len(ids)))
	if err := b.swap(ctx, newer); err != nil {
		return err
	}
	more, err := b.submit(ctx, o.queued)
	if err != nil {
		return err
	}
	if err := b.ended(ctx, len(ids)); err != nil {
		return err
	}
	lost, err := b.lost(ctx, ids, nil)
	if err != nil {
		return err
	}
	r.Figure("upgrade_lost", float64(lost))
	if err := b.swap(ctx, older.Binary); err != nil {
		return err
	}
	if err := b.ended(ctx, len(ids)+len(more)); err != nil {
		return err
	}
	lost, err = b.lost(ctx, append(ids, more...), nil)
	r.Figure("rollback_lost", float64(lost))
	return err
}

// swap stops the server and starts another build on its data.
func (b *bench) swap(ctx context.Context, bin string) error {
	if err := b.Halt(); err != nil {
		return err
	}
	b.Bin = bin
	return b.Relaunch(ctx)
}

// previous builds the commit before this one.
func previous(ctx context.Context, dir string) (string, error) {
	tree := filepath.Join(dir, "tree")
	if out, err := exec.CommandContext(ctx, "git", "worktree", "add", "-q", "--detach", tree, "HEAD~1").CombinedOutput(); err != nil {
		return "", fmt.Errorf("git worktree: %w: %s", err, out)
	}
	defer exec.CommandContext(context.WithoutCancel(ctx), "git", "worktree", "remove", "--force", tree).Run() //nolint:errcheck // it is temporary
	for _, name := range []string{"videosdgx", "videosdgx-init"} {
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", filepath.Join(dir, name), "./cmd/"+name)
		cmd.Dir, cmd.Env = tree, append(os.Environ(), "CGO_ENABLED="+map[string]string{"videosdgx": "1", "videosdgx-init": "0"}[name])
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build the commit before: %w: %s", err, out)
		}
	}
	return filepath.Join(dir, "videosdgx"), nil
}
