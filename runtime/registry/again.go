package registry

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// glance reads folders that are new before their time: who has just written a manifest may ask for it at once, and the
// folder's quiet time is not over.
type glance struct {
	mu   sync.Mutex // held by whoever looks; others do without
	last time.Time
}

// glances is how often the folder is looked at for names that are not known, at most: anybody may ask for any.
const glances = 20 * time.Millisecond

// lookAgain takes over manifests of folders that nothing is known of yet. A manifest that is not whole or right is left
// to the watcher, which waits until nobody writes any more.
func (r *Registry) lookAgain() {
	if r.cfg.Functions == "" || !r.glance.mu.TryLock() {
		return
	}
	defer r.glance.mu.Unlock()
	if time.Since(r.glance.last) < glances || !r.write.TryLock() { // a change under way tells those who ask here
		return
	}
	defer r.write.Unlock()
	for _, dir := range r.unread() {
		if now := r.read(dir, nil); now != nil && now.mistake == nil {
			r.keep(dir, nil, now)
			r.apply(dir, nil, now)
		}
	}
	r.glance.last = time.Now()
}

// unread lists folders with a manifest that has not been read.
func (r *Registry) unread() (dirs []string) {
	entries, _ := os.ReadDir(r.cfg.Functions) // the watcher says it when it cannot be read
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, e := range entries {
		if r.folders[e.Name()] != nil || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if _, err := os.Stat(filepath.Join(r.cfg.Functions, e.Name(), manifestFile)); err == nil {
			dirs = append(dirs, e.Name())
		}
	}
	return dirs
}

// Broken lists the folders whose manifest has never been right, as functions of the folder's name with their mistake.
func (r *Registry) Broken() []spec.FunctionStatus {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var all []spec.FunctionStatus
	for dir, f := range r.folders {
		if f.fn == nil && f.mistake != nil && r.byName[dir] == nil {
			all = append(all, spec.FunctionStatus{Function: spec.Function{Name: dir}, Fault: f.mistake.Error()})
		}
	}
	slices.SortFunc(all, func(a, b spec.FunctionStatus) int { return strings.Compare(a.Function.Name, b.Function.Name) })
	return all
}
