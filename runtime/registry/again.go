package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// glance reads manifests before their time: who has just written one may ask for its function at once, and the folder's
// quiet time is not over.
type glance struct {
	mu           sync.Mutex // held by whoever looks
	began, ended time.Time  // of the last look
}

// Anybody may ask for any name: after a look nobody looks again for ten times as long as it took, at most for glances.
const glances = 20 * time.Millisecond

// Look takes over the manifests of functions that are not known yet: those written before the call have theirs when it
// returns. A manifest that is not whole or right is left to the watcher, which waits until nobody writes any more.
func (r *Registry) Look() {
	if r.cfg.Functions == "" {
		return
	}
	r.lookSince(time.Now())
	r.news.spread(r.tell)
}

// lookSince has one look that begins later serve all who wait for one.
func (r *Registry) lookSince(asked time.Time) {
	g := &r.glance
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.began.After(asked) {
		return
	}
	time.Sleep(time.Until(g.ended.Add(min(glances, 10*g.ended.Sub(g.began)))))
	r.write.Lock() // the watcher may be reading what is wanted
	defer r.write.Unlock()
	r.look()
}

// peek is Look for those who ask often, and who need not know of what has been written just now: nobody is waited for.
func (r *Registry) peek() {
	if r.cfg.Functions != "" && r.peekNow() {
		r.news.spread(r.tell)
	}
}

func (r *Registry) peekNow() bool {
	g := &r.glance
	if !g.mu.TryLock() {
		return false
	}
	defer g.mu.Unlock()
	if time.Since(g.ended) < glances || !r.write.TryLock() {
		return false
	}
	defer r.write.Unlock()
	r.look()
	return true
}

func (r *Registry) look() {
	r.glance.began = time.Now()
	for _, dir := range r.unread() {
		old := r.folders[dir] // who may write it waits
		now := r.read(dir, old)
		if now != nil && now.mistake == nil && (old == nil || old.fn == nil || old.name != now.name) {
			r.keep(dir, old, now)
			r.apply(dir, old, now)
		}
	}
	r.glance.ended = time.Now()
}

// unread lists folders whose manifest is another one than has been read.
func (r *Registry) unread() (dirs []string) {
	entries, _ := os.ReadDir(r.cfg.Functions) // the watcher says it when it cannot be read
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		now := printOf(filepath.Join(r.cfg.Functions, e.Name(), manifestFile))
		if f := r.folders[e.Name()]; now != "" && (f == nil || f.print != now) {
			dirs = append(dirs, e.Name())
		}
	}
	return dirs
}

// vanished lists folders whose manifest was read and is no more.
func (r *Registry) vanished() (dirs []string) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for dir := range r.folders {
		if _, err := os.Stat(filepath.Join(r.cfg.Functions, dir, manifestFile)); errors.Is(err, fs.ErrNotExist) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// printOf changes whenever a file does; "" where there is none.
func printOf(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprint(identityOf(info))
}

// Broken lists the manifests that no function comes of: those that have never been right, by their folder's name with their
// mistake, and those whose function was removed.
func (r *Registry) Broken() []spec.FunctionStatus {
	all := r.hidden()
	r.mu.RLock()
	defer r.mu.RUnlock()
	for dir, f := range r.folders {
		if f.fn == nil && f.mistake != nil && r.byName[dir] == nil {
			all = append(all, spec.FunctionStatus{Function: spec.Function{Name: dir}, Fault: f.mistake.Error()})
		}
	}
	slices.SortFunc(all, func(a, b spec.FunctionStatus) int { return strings.Compare(a.Function.Name, b.Function.Name) })
	return all
}
