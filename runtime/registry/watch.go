package registry

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// watcher follows the functions' folder.
type watcher struct {
	fs   *fsnotify.Watcher
	done sync.WaitGroup
	stop sync.Once
}

// startWatching watches, then reads: a change in between is seen twice rather than not at all.
func (r *Registry) startWatching() error {
	if err := os.MkdirAll(r.cfg.Functions, 0o755); err != nil {
		return fmt.Errorf("make the functions' folder: %w", err)
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch the functions' folder (fs.inotify.max_user_instances may be too low): %w", err)
	}
	if err := w.Add(r.cfg.Functions); err != nil {
		_ = w.Close()
		return fmt.Errorf("watch %s: %w", r.cfg.Functions, err)
	}
	r.watch.fs = w
	r.rescan()
	r.watch.done.Go(r.follow)
	return nil
}

// Close stops watching and waits. It may be called twice.
func (r *Registry) Close() error {
	var err error
	r.watch.stop.Do(func() {
		if r.watch.fs != nil {
			err = r.watch.fs.Close()
			r.watch.done.Wait()
		}
	})
	return err
}

// rescan reads every folder there is, and forgets those that are gone.
func (r *Registry) rescan() {
	dirs := map[string]bool{}
	entries, err := os.ReadDir(r.cfg.Functions)
	if err != nil {
		r.cfg.Log.Error("functions' folder not readable", "error", err)
		return
	}
	for _, e := range entries {
		dirs[e.Name()] = true
	}
	r.mu.RLock()
	for dir := range r.folders {
		dirs[dir] = true
	}
	r.mu.RUnlock()
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		r.visit(dir)
	}
}

// visit watches a folder and reads it.
func (r *Registry) visit(dir string) {
	path := filepath.Join(r.cfg.Functions, dir)
	if info, err := os.Stat(path); err == nil && info.IsDir() && !strings.HasPrefix(dir, ".") {
		if err := r.watch.fs.Add(path); err != nil {
			r.cfg.Log.Error("folder not watched; fs.inotify.max_user_watches may be too low", "folder", path, "error", err)
		}
	}
	r.reload(dir)
}

// follow gathers events until a folder has been quiet for the debounce time, then reads that folder.
func (r *Registry) follow() {
	due := map[string]time.Time{}
	tick, poll := time.NewTimer(time.Hour), time.NewTicker(r.cfg.Poll)
	defer tick.Stop()
	defer poll.Stop()
	for {
		select {
		case ev, ok := <-r.watch.fs.Events:
			if !ok {
				return
			}
			if dir := r.folderName(ev.Name); dir != "" {
				due[dir] = time.Now().Add(r.cfg.Debounce)
			}
		case err, ok := <-r.watch.fs.Errors:
			if !ok {
				return
			}
			r.cfg.Log.Warn("file events lost, reading everything again", "error", err)
			r.rescan()
		case <-poll.C:
			for _, dir := range r.unnoticed() {
				if _, ok := due[dir]; !ok {
					due[dir] = time.Now().Add(r.cfg.Debounce)
				}
			}
		case <-tick.C:
			r.visitDue(due)
		}
		tick.Reset(next(due))
	}
}

// unnoticed are folders whose manifest has changed without an event: where it, its folder or the functions' folder is a link or
// something mounted, what it leads to may be written elsewhere, or on another machine, or the link may lead elsewhere now.
func (r *Registry) unnoticed() []string {
	if err := r.watch.fs.Add(r.cfg.Functions); err != nil { // the folder of that name may be another one by now
		return nil // it is being replaced: what it held serves until it is there again
	}
	return append(r.unread(), r.vanished()...)
}

// folderName is the folder below Functions that a path lies in.
func (r *Registry) folderName(path string) string {
	rel, err := filepath.Rel(r.cfg.Functions, path)
	if err != nil || rel == "." || strings.HasPrefix(rel, "..") {
		return ""
	}
	first, _, _ := strings.Cut(rel, string(filepath.Separator))
	return first
}

func (r *Registry) visitDue(due map[string]time.Time) {
	now, looked := time.Now(), false
	for dir, at := range due {
		if !at.After(now) {
			delete(due, dir)
			r.visit(dir)
			looked = true
		}
	}
	if looked { // what one folder gives up another may wait for
		for _, dir := range r.freed() {
			r.visit(dir)
		}
	}
}

func next(due map[string]time.Time) time.Duration {
	wait := time.Hour
	for _, at := range due {
		wait = min(wait, time.Until(at))
	}
	return max(wait, 0)
}
