package loras

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// folder is where derived bundles lie by key. What begins with a dot there is none: one in the making, or on its way out.
func (m *Merger) folder() string { return filepath.Join(m.models, Folder) }

// has says whether a derived bundle is there, and of what was asked for; it counts as used then.
func (m *Merger) has(dir string, d weights.Derived) bool {
	man, err := m.manifests.read(dir)
	if err != nil || man.Derived == nil || !man.Derived.Made(d) {
		return false
	}
	now := time.Now()
	_ = os.Chtimes(dir, now, now) // or it counts as used when it was made
	return true
}

// pin keeps the bundle of a key, or the one to come, until done is called.
func (m *Merger) pin(key string) (done func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pins[key]++
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.pins[key]--; m.pins[key] == 0 {
			delete(m.pins, key)
		}
	}
}

// derived is one merged model of the cache.
type derived struct {
	key  string
	own  int64 // bytes that it does not share with its base
	used time.Time
}

// cached lists the merged models, the least recently used first.
func (m *Merger) cached() (all []derived, total int64, err error) {
	entries, err := os.ReadDir(m.folder())
	if err != nil {
		return nil, 0, err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		dir := filepath.Join(m.folder(), e.Name())
		man, err := m.manifests.read(dir)
		st, statErr := os.Stat(dir)
		if err != nil || statErr != nil {
			continue
		}
		total += man.Own()
		all = append(all, derived{e.Name(), man.Own(), st.ModTime()})
	}
	slices.SortFunc(all, func(a, b derived) int { return a.used.Compare(b.used) })
	return all, total, nil
}

// gone is what the name begins with of one on its way out.
const gone = ".gone-"

// remove takes a bundle away that no request and no instance needs; false: one does. To who looks meanwhile it is there or not.
func (m *Merger) remove(key string) (removed bool, err error) {
	out := filepath.Join(m.folder(), gone+key)
	err = os.RemoveAll(out)
	m.mu.Lock()
	if m.pins[key] > 0 || m.serving()[key] {
		m.mu.Unlock()
		return false, err
	}
	if err == nil {
		err = os.Rename(filepath.Join(m.folder(), key), out)
	}
	m.mu.Unlock()
	if err != nil {
		return false, err
	}
	return true, os.RemoveAll(out)
}

// discard takes away what was built under a key that is not its own. To who looks meanwhile it is there or not.
func (m *Merger) discard(key string) error {
	out := filepath.Join(m.folder(), gone+key)
	if err := errors.Join(os.RemoveAll(out), os.Rename(filepath.Join(m.folder(), key), out)); err != nil {
		return err
	}
	return os.RemoveAll(out)
}

// prune removes the least recently used derived bundles while they take more than the budget. Those in use stay, whatever it is.
func (m *Merger) prune() error {
	all, total, err := m.cached()
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range all {
		if m.budget <= 0 || total <= m.budget {
			break
		}
		removed, err := m.remove(e.key)
		errs = append(errs, err)
		if removed {
			total -= e.own
		}
	}
	return errors.Join(errs...)
}

// Bytes is what the derived bundles use that they do not share with their bases.
func (m *Merger) Bytes() (int64, error) {
	_, total, err := m.cached()
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return total, err
}

// Shed removes the bundle that has not been used for longest, unless that was less than recent ago, and says what and how many
// bytes; 0: there is none to remove.
func (m *Merger) Shed(recent time.Duration) (what string, freed int64, err error) {
	all, _, err := m.cached()
	if errors.Is(err, os.ErrNotExist) {
		return "", 0, nil
	}
	for _, e := range all {
		if time.Since(e.used) < recent {
			break
		}
		if removed, err := m.remove(e.key); removed || err != nil {
			return "merged model " + e.key, max(1, e.own), err
		}
	}
	return "", 0, err
}

// Sweep removes what an earlier run has left behind: bundles on their way out, and those that a killed build was making.
func (m *Merger) Sweep() {
	entries, _ := os.ReadDir(m.folder()) // none, if it is not there
	for _, e := range entries {
		dir := filepath.Join(m.folder(), e.Name())
		if strings.HasPrefix(e.Name(), gone) || strings.HasPrefix(e.Name(), ".") && strings.HasSuffix(e.Name(), ".building") && !locked(filepath.Join(dir, "lock")) {
			if err := os.RemoveAll(dir); err != nil {
				m.log.Warn("what a build left behind could not be removed", "folder", dir, "error", err)
			}
		}
	}
}

// locked says whether somebody holds the lock of a build: its process, which the kernel tells.
func locked(path string) bool {
	f, err := weights.OpenRegular(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil
}

// manifests reads those of bundles, each once while its file stays what it is: dispatch asks for every event.
type manifests struct {
	mu    sync.Mutex
	known map[string]knownManifest
}

type knownManifest struct {
	state weights.FileState
	man   *weights.Manifest
}

// mostManifests is how many are remembered: those of bundles that have gone go at some time.
const mostManifests = 256

// read gives the manifest of the bundle in dir, which nobody may change.
func (k *manifests) read(dir string) (*weights.Manifest, error) {
	st, err := os.Stat(filepath.Join(dir, weights.ManifestName))
	if err != nil {
		return nil, err
	}
	state := weights.StateOf(st)
	k.mu.Lock()
	known, ok := k.known[dir]
	k.mu.Unlock()
	if ok && known.state == state {
		return known.man, nil
	}
	man, err := weights.ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.known) >= mostManifests {
		clear(k.known)
	}
	k.known[dir] = knownManifest{state, &man}
	return &man, nil
}
