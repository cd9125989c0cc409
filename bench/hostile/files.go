package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// nobody is a user of this machine who has nothing to do with the server.
const nobody = 65534

func init() {
	for _, f := range []struct{ name, pattern string }{
		{"the jobs", "jobs.db"}, {"the jobs' log", "jobs.db-wal"}, {"the clips", "outputs"}, {"an instance's configuration", "run/*/guest.json"},
		{"an instance's log", "logs/*"}, {"events that wait", "events"}, {"the key of webhooks", "webhook.key"},
	} {
		add("files", "another user reads "+f.name, func(ctx context.Context, s *scene) error { return s.hidden(ctx, f.pattern, "test -r %[1]s") })
	}
	for _, f := range []struct{ name, pattern string }{{"the API's socket", "videosdgx.sock"}, {"an instance's socket", "run/*/init.sock"}} {
		add("files", "another user connects to "+f.name, func(ctx context.Context, s *scene) error { return s.hidden(ctx, f.pattern, "test -w %[1]s") })
	}
	add("files", "the API's socket is for user and group", func(_ context.Context, s *scene) error {
		st, err := os.Lstat(filepath.Join(s.Data, "videosdgx.sock"))
		if err != nil || st.Mode() != fs.ModeSocket|0o660 {
			return fmt.Errorf("%v, %w", st, err)
		}
		return nil
	})
}

// hidden runs a command on what matches a pattern in the server's data, as another user, and wants it to fail.
func (s *scene) hidden(ctx context.Context, pattern, command string) error {
	if os.Geteuid() != 0 {
		return elsewhere("only root can try as somebody else")
	}
	if err := os.Chmod(filepath.Dir(s.Data), 0o755); err != nil { // the bench's own folder hides nothing
		return err
	}
	if err := s.refused(ctx, page{method: "GET", path: "/fn/giver/?page=x"}, 200); err != nil { // an instance is there
		return err
	}
	found, err := filepath.Glob(filepath.Join(s.Data, pattern))
	if err != nil || len(found) == 0 {
		return errors.Join(err, errors.New("nothing of that name is there"))
	}
	for _, path := range found {
		cmd := exec.CommandContext(ctx, "sh", "-c", fmt.Sprintf(command, path))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		cmd.Dir = "/"
		if out, err := cmd.CombinedOutput(); err == nil {
			return fmt.Errorf("%s: %.100s", strings.TrimPrefix(path, s.Data), out)
		}
	}
	return nil
}
