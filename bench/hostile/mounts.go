package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Whoever may deploy must not see more of the machine through it than what was meant for functions.
func init() {
	for _, source := range []string{"/", "/etc", "/root", "/proc", "/proc/1/root", "/sys", "/dev", "/run", "/var/run", "/home", "/usr/bin", "/proc/self/cwd/../../etc"} {
		for _, writable := range []bool{false, true} {
			add("mounts", fmt.Sprintf("%s, writable %v", source, writable), func(ctx context.Context, s *scene) error { return s.unmountable(ctx, source, writable) })
		}
	}
	for _, own := range []string{"", "run", "registry", "jobs.db", "webhook.key", "snapshots", "containerd", "process", "functions", "outputs", "videosdgx.sock", "spool", "lock", "jobs.db-wal", "keys.json", "audit", "experiments", "logs", "secrets.age", "secrets.key", "acme", "checkpoints", "uploads", "."} {
		add("mounts", "the server's own "+own, func(ctx context.Context, s *scene) error { return s.unmountable(ctx, filepath.Join(s.Data, own), true) })
	}
	for name, to := range map[string]string{"a link": "/etc", "a link to the server's own": "run", "a link to a link": "hop", "dots": "shared/../../../../etc"} {
		add("mounts", name+" in the data folder", func(ctx context.Context, s *scene) error { return s.linked(ctx, to) })
	}
	add("mounts", "another one's manifest", func(ctx context.Context, s *scene) error { return s.borrowed(ctx) })
}

// unmountable wants a deploy that mounts source to be refused. A source that is not there is nobody's loss.
func (s *scene) unmountable(ctx context.Context, source string, writable bool) error {
	if _, err := os.Stat(source); err != nil {
		return nil
	}
	manifest := map[string]any{"name": "mounter", "command": []string{"/bin/true"}, "mounts": []map[string]any{{"source": source, "target": "/mnt", "writable": writable}}}
	err := s.put(ctx, manifest)
	if err == nil {
		return fmt.Errorf("a function may mount %s", source)
	}
	if !strings.Contains(err.Error(), "mount source") {
		return fmt.Errorf("it was refused for something else: %w", err)
	}
	return nil
}

// linked mounts a link that somebody has put into the data folder.
func (s *scene) linked(ctx context.Context, to string) error {
	dir, err := os.MkdirTemp(s.Data, "shared-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	link := filepath.Join(dir, "link")
	switch to {
	case "run":
		to = filepath.Join(s.Data, "run")
	case "hop":
		to = filepath.Join(dir, "second")
		if err := os.Symlink("/etc", to); err != nil {
			return err
		}
	}
	if strings.Contains(to, "..") {
		return s.unmountable(ctx, filepath.Join(dir, "..", "..", "..", "..", "..", "..", "..", "etc"), false)
	}
	if err := os.Symlink(to, link); err != nil {
		return err
	}
	return s.unmountable(ctx, link, false)
}

// borrowed deploys another program with what somebody's manifest, elsewhere, offers to his own.
func (s *scene) borrowed(ctx context.Context) error {
	dir, err := os.MkdirTemp(s.dir, "victim-")
	if err != nil {
		return err
	}
	code := filepath.Join(dir, "code")
	if err := os.Mkdir(code, 0o755); err != nil {
		return err
	}
	text := "name: victim\ncommand: [/bin/true]\nmounts: [{source: code, target: /code}]\n"
	if err := os.WriteFile(filepath.Join(dir, "function.yaml"), []byte(text), 0o644); err != nil {
		return err
	}
	return s.unmountable(ctx, code, false)
}
