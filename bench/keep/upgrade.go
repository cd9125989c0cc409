package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/videosdgx/videosdgx/bench/harness"
)

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
