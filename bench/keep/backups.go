package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

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
	ids, err := b.submit(ctx, o.jobs)
	if err != nil {
		return err
	}
	if err := b.ended(ctx, o.jobs/8); err != nil {
		return err
	}
	k := keeper{bench: b, repo: filepath.Join(b.dir, "repo")}
	took, err := k.killed(ctx, o.kills)
	if err != nil {
		return err
	}
	sums, err := k.whole(ctx, r)
	if err != nil {
		return err
	}
	if err := b.Kill(); err != nil {
		return err
	}
	b.endInstances()
	if err := b.restore(ctx, o, k.repo, took); err != nil {
		return err
	}
	if err := b.ended(ctx, len(ids)); err != nil {
		return err
	}
	lost, err := b.lost(ctx, ids, sums)
	r.Figure("backup_restore_lost", float64(lost))
	return err
}

// keeper makes backups of a bench's server in a repository.
type keeper struct {
	*bench
	repo string
}

func (k keeper) create(ctx context.Context, kill time.Duration) ([]byte, error) {
	return k.command(ctx, kill, "backup", "create", k.repo, "--data", k.Data, "--functions", k.Functions, "--json")
}

// killed makes a backup, and begins others that are killed before they have had the time that it took.
func (k keeper) killed(ctx context.Context, kills int) (took time.Duration, err error) {
	begun := time.Now()
	if _, err := k.create(ctx, 0); err != nil {
		return 0, err
	}
	took = time.Since(begun)
	for range kills {
		if _, err := k.create(ctx, time.Duration(1+rand.Int64N(int64(took)))); err != nil { //nolint:gosec // a time to kill at
			return 0, err
		}
		if _, err := k.command(ctx, 0, "backup", "verify", k.repo); err != nil {
			return 0, fmt.Errorf("after a kill: %w", err)
		}
	}
	return took, nil
}

// whole makes the backup that counts. sums has the jobs that were done before.
func (k keeper) whole(ctx context.Context, r *harness.Report) (sums map[string]string, err error) {
	done, err := k.all(ctx)
	if err != nil {
		return nil, err
	}
	sums = map[string]string{}
	for _, j := range done {
		if j.Status == "completed" {
			sums[j.ID] = j.Result.SHA256
		}
	}
	out, err := k.create(ctx, 0)
	if err != nil {
		return nil, err
	}
	var made struct {
		Files int `json:"files"`
	}
	_ = json.Unmarshal(out, &made) // a figure beside
	r.Figure("backup_files", float64(made.Files))
	r.Figure("backup_done_before", float64(len(sums)))
	return sums, nil
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
