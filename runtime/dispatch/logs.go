package dispatch

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// keptLogs is how many log files a function keeps of instances that have ended.
const keptLogs = 20

// Logs writes what instances of a function have logged, oldest first, and goes on when follow is set until ctx ends. A line
// is its time, the instance, the request it belongs to ("-" where none can be told) and the text, with tabs between them.
func (d *Dispatcher) Logs(ctx context.Context, function string, follow bool, w io.Writer) error {
	if _, err := d.cfg.Functions.Get(ctx, function, ""); err != nil {
		return err
	}
	logs := merge{follow: follow, logs: map[string]*instanceLog{}}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := logs.copy(w, d.logs(function)); err != nil {
			return fmt.Errorf("logs of %s: %w", function, err)
		}
		if !follow {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (d *Dispatcher) logFile(function, id string) string {
	return filepath.Join(d.cfg.LogDir, function, id+".log")
}

// logs lists a function's log files, oldest first.
func (d *Dispatcher) logs(function string) []string {
	dir := filepath.Join(d.cfg.LogDir, filepath.Base(function))
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // none yet
	}
	type file struct {
		path string
		mod  time.Time
	}
	var files []file
	for _, e := range entries {
		if info, err := e.Info(); err == nil && strings.HasSuffix(e.Name(), ".log") {
			files = append(files, file{filepath.Join(dir, e.Name()), info.ModTime()})
		}
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Or(a.mod.Compare(b.mod), strings.Compare(a.path, b.path)) })
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = f.path
	}
	return paths
}

// prune removes the oldest logs of instances that have ended.
func (d *Dispatcher) prune(function string) {
	var ended []string
	for _, path := range d.logs(function) {
		if _, ok := d.members.Load(strings.TrimSuffix(filepath.Base(path), ".log")); !ok {
			ended = append(ended, path)
		}
	}
	for _, path := range ended[:max(0, len(ended)-keptLogs)] {
		if err := os.Remove(path); err != nil {
			d.cfg.Log.Warn("old log not removed", "path", path, "error", err)
		}
	}
}
