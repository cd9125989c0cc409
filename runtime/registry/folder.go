package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// manifestFile is the manifest's name in a function's folder.
const manifestFile = "function.yaml"

// folder is what the registry knows of one folder below Config.Functions.
type folder struct {
	name    string         // the function it defines; "" while it never defined one
	fn      *spec.Function // the last good manifest; nil: none yet
	raw     string         // sha256 of that manifest's text
	print   string         // of the file that was read last
	mistake error          // why the text on disk now is not fn
	claim   *spec.Function // what the text says, where that is wrong only since another function has the name, model or port
}

// onDisk gives the function that a folder defines under this name, nil if none.
func (r *Registry) onDisk(name string) *spec.Function {
	if f := r.folderOf(name); f != nil {
		return f.fn
	}
	return nil
}

// base is the sha256 of the manifest that defines this name, "" if none does.
func (r *Registry) base(name string) string {
	if f := r.folderOf(name); f != nil {
		return f.raw
	}
	return ""
}

func (r *Registry) folderOf(name string) *folder {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.owner[name]
}

// reload reads one folder again and makes what it says take effect.
func (r *Registry) reload(dir string) {
	defer r.change("")()
	r.mu.RLock()
	old := r.folders[dir]
	r.mu.RUnlock()
	now := r.read(dir, old)
	r.keep(dir, old, now)
	r.apply(dir, old, now)
}

func (r *Registry) keep(dir string, old, now *folder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old != nil && r.owner[old.name] == old {
		delete(r.owner, old.name)
	}
	if now == nil {
		delete(r.folders, dir)
		return
	}
	r.folders[dir] = now
	if now.fn != nil {
		r.owner[now.name] = now
	}
}

// read makes a folder of the text on disk: nil when there is no manifest, the old function with a mistake when the text
// is wrong.
func (r *Registry) read(dir string, old *folder) *folder {
	path := filepath.Join(r.cfg.Functions, dir, manifestFile)
	print := printOf(path) // before it is read: what changes meanwhile is seen
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	f := &folder{}
	if old != nil {
		*f = *old
	}
	f.print, f.claim = print, nil
	fn, err := r.manifest(path, text, err)
	if err == nil {
		if err = r.claimed(&fn, dir, path); err != nil {
			f.claim = &fn
		}
	}
	if f.mistake = err; err != nil {
		return f
	}
	sum := sha256.Sum256(text)
	return &folder{name: fn.Name, fn: &fn, raw: hex.EncodeToString(sum[:]), print: print}
}

// claimed says who has the name, model or port of a function that a folder defines, nil if nobody has.
func (r *Registry) claimed(fn *spec.Function, dir, path string) error {
	if err := r.taken(fn.Name, dir); err != nil {
		return err
	}
	return r.modelTaken(fn, path)
}

// freed are the folders whose claims nobody stands against any more.
func (r *Registry) freed() (dirs []string) {
	claims := map[string]*spec.Function{}
	r.mu.RLock()
	for dir, f := range r.folders {
		if f.claim != nil {
			claims[dir] = f.claim
		}
	}
	r.mu.RUnlock()
	for _, dir := range slices.Sorted(maps.Keys(claims)) {
		if r.claimed(claims[dir], dir, "") == nil {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

func (r *Registry) manifest(path string, text []byte, err error) (spec.Function, error) {
	if err != nil {
		return spec.Function{}, err
	}
	fn, d, err := parse(path, text)
	if err != nil {
		return fn, err
	}
	fn.Dir = filepath.Dir(path)
	if info, err := os.Stat(path); err == nil {
		fn.Modified = info.ModTime().UTC()
	}
	return r.finish(fn, path, d.lines, 0)
}

// taken refuses a name that another folder defines already.
func (r *Registry) taken(name, dir string) error {
	f := r.folderOf(name)
	if f == nil {
		return nil
	}
	path := filepath.Join(r.cfg.Functions, dir, manifestFile)
	if f.fn.Dir == filepath.Dir(path) {
		return nil
	}
	return &Mistake{
		File: path, Field: "name", Text: fmt.Sprintf("%q is the function of %s already", name, f.fn.Dir),
		Allowed: "a name of its own",
	}
}

// modelTaken refuses a model's name or port that another function has: requests could mean either. file may be empty.
func (r *Registry) modelTaken(fn *spec.Function, file string) error {
	if fn.Model == nil {
		return nil
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	var errs []error
	check := func(other *spec.Function) {
		if other == nil || other.Model == nil || other.Name == fn.Name || other.Dir != "" && other.Dir == fn.Dir {
			return
		}
		if other.Model.Name == fn.Model.Name {
			errs = append(errs, &Mistake{File: file, Field: "model.name", Text: fmt.Sprintf("%q is the model of function %s already", fn.Model.Name, other.Name), Allowed: "a name of its own"})
		}
		if fn.Model.Port != 0 && other.Model.Port == fn.Model.Port {
			errs = append(errs, &Mistake{File: file, Field: "model.port", Text: fmt.Sprintf("%d is the port of function %s's model already", fn.Model.Port, other.Name), Allowed: "a port of its own, or 0 for none"})
		}
	}
	for name, f := range r.owner {
		if r.byName[name] == nil { // read, but not served yet
			check(f.fn)
		}
	}
	for _, e := range r.byName {
		check(e.latest)
	}
	return errors.Join(errs...)
}

// apply makes the difference between two readings of a folder visible.
func (r *Registry) apply(dir string, old, now *folder) {
	if now != nil && now.mistake != nil {
		r.cfg.Log.Error("manifest not taken over", "folder", dir, "mistake", now.mistake)
	}
	if old != nil && old.fn != nil && (now == nil || now.name != old.name) {
		r.refresh(old.name)
		r.cfg.Log.Info("manifest gone", "function", old.name, "folder", dir)
	}
	if now == nil || now.fn == nil {
		return
	}
	if old == nil || old.fn == nil || old.raw != now.raw || old.fn.Digest != now.fn.Digest || old.name != now.name {
		r.refresh(now.name)
		r.cfg.Log.Info("manifest read", "function", now.name, "folder", dir, "digest", now.fn.Digest)
	}
}

// refresh rebuilds a function after its manifest changed. What the API said of an older manifest no longer holds.
func (r *Registry) refresh(name string) {
	rec := newStored(name)
	r.mu.RLock()
	if e := r.byName[name]; e != nil {
		rec = e.rec.copy()
	}
	r.mu.RUnlock()
	if base := r.base(name); rec.Base != "" && rec.Base != base {
		rec.Latest, rec.Deleted, rec.Reserved, rec.Base = nil, false, nil, ""
		if err := r.store.save(rec); err != nil {
			r.cfg.Log.Error("registry state not saved", "function", name, "error", err)
		}
	}
	r.show(rec)
}
