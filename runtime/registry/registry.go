package registry

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// latest is the qualifier of the version that may change.
const latest = "$LATEST"

// Config says where functions are.
type Config struct {
	Functions string          // folder with one folder per function, watched; "": none
	Data      string          // the control plane's data folder; state goes to Data/registry
	Models    string          // folder of bundles by name; "": Data/models
	Mounts    spec.MountRoots // what manifests may mount; default: Data and the manifest's own folder
	// Image resolves the image of a function that comes through the API: it gives the digest that a tag stands for at its registry,
	// "" of what has none, or says why there is no such image. What serves already, "" where nothing does, may stay where the
	// registry says nothing. nil: nobody asks.
	Image    func(ctx context.Context, ref, serves string) (digest string, err error)
	Runs     func(fn spec.Function) error // says why no instance of a function could be made, for the same; nil: of any it can
	Debounce time.Duration                // quiet time on disk before a folder is read again; default 100 ms
	Poll     time.Duration                // how often manifests are looked at that no event tells of; default 5 s
	Log      *slog.Logger                 // default: slog.Default()
}

// WithDefaults returns a copy with every zero field that has a default filled in.
func (c Config) WithDefaults() Config {
	or(&c.Models, filepath.Join(c.Data, "models"))
	or(&c.Mounts.Data, c.Data)
	or(&c.Mounts.Manifests, c.Functions)
	or(&c.Debounce, 100*time.Millisecond)
	or(&c.Poll, 5*time.Second)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// Registry is the catalogue. Safe for concurrent use.
type Registry struct {
	cfg    Config
	store  store
	hashes hasher
	watch  watcher
	glance glance
	news   news

	write   sync.Mutex // one change at a time; held across file writes, never while mu is
	mu      sync.RWMutex
	byName  map[string]*entry
	folders map[string]*folder // by folder name
	owner   map[string]*folder // the folder that defines a function, by the function's name
	heard   []func(name string)
}

// entry is one function; replaced as a whole, never changed once visible.
type entry struct {
	latest   *spec.Function // nil: only published versions are left
	versions []spec.Function
	rec      *stored
}

// New reads the state and every manifest. A manifest with a mistake is no error: see Mistake.
func New(cfg Config) (*Registry, error) {
	cfg = cfg.WithDefaults()
	r := &Registry{
		cfg: cfg, store: store{filepath.Join(cfg.Data, "registry")},
		hashes: hasher{files: map[string]fileHash{}},
		byName: map[string]*entry{}, folders: map[string]*folder{}, owner: map[string]*folder{},
	}
	r.news.over.L = &r.news.mu
	records, err := r.store.load()
	if err != nil {
		return nil, err
	}
	for name, rec := range records {
		r.byName[name] = r.build(rec, nil)
	}
	if cfg.Functions != "" {
		if err := r.startWatching(); err != nil {
			return nil, err
		}
	}
	r.forgetOrphans()
	r.tellRemoved()
	return r, nil
}

// forgetOrphans drops what the API said of manifests that went away while the control plane was down. A folder whose
// manifest cannot be read just now has not gone away.
func (r *Registry) forgetOrphans() {
	defer r.change("")()
	for name, e := range r.byName {
		if e.rec.Base != "" && r.owner[name] == nil && r.folders[name] == nil {
			r.refresh(name)
		}
	}
}

// build makes an entry of a record and what the manifest on disk says (nil: nothing).
func (r *Registry) build(rec *stored, disk *spec.Function) *entry {
	e := &entry{rec: rec}
	switch {
	case rec.Deleted:
	case rec.Latest != nil:
		fn := rec.Latest.thaw()
		e.latest = &fn
	case disk != nil:
		fn := *disk
		e.latest = &fn
	}
	for _, v := range rec.Versions {
		e.versions = append(e.versions, v.thaw())
	}
	if e.latest != nil {
		e.latest.Reserved = rec.Reserved
	}
	for i := range e.versions {
		v := &e.versions[i]
		v.Reserved = rec.Reserved
		if own, ok := rec.Async[v.Version]; ok {
			v.Async = own
		}
	}
	return e
}

// commit makes a record durable, then visible. The caller holds r.write.
func (r *Registry) commit(rec *stored) error {
	if err := r.store.save(rec); err != nil {
		return err
	}
	r.show(rec)
	return nil
}

// show makes a record visible as it is. The caller holds r.write.
func (r *Registry) show(rec *stored) {
	disk := r.onDisk(rec.Name)
	e := r.build(rec, disk)
	r.mu.Lock()
	if e.latest == nil && rec.empty() {
		delete(r.byName, rec.Name)
	} else {
		r.byName[rec.Name] = e
	}
	r.mu.Unlock()
	r.news.add(rec.Name)
}

func (r *Registry) entry(name string) (*entry, error) {
	e := r.known(name)
	if e == nil {
		r.Look()
		e = r.known(name)
	}
	return e, r.absent(e, name)
}

// known gives the entry of a function that there is, nil of others.
func (r *Registry) known(name string) *entry {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if e := r.byName[name]; e != nil && !e.rec.Deleted {
		return e
	}
	return nil
}

// absent says why there is no entry where there is none.
func (r *Registry) absent(e *entry, name string) error {
	if e != nil {
		return nil
	}
	if why := r.Removed(name); why != "" {
		return fmt.Errorf("function %s does not serve: %s: %w", name, why, errdefs.ErrNotFound)
	}
	if p := r.Mistake(name); p != "" {
		return fmt.Errorf("function %s is not served, its manifest has a mistake: %s: %w", name, p, errdefs.ErrNotFound)
	}
	return fmt.Errorf("there is no function %s; videosdgx deploy makes one: %w", name, errdefs.ErrNotFound)
}

// edit gives a copy of a function's record to change, together with the entry it belongs to. The caller holds r.write.
func (r *Registry) edit(name string) (*stored, *entry, error) {
	e := r.known(name)
	if err := r.absent(e, name); err != nil {
		return nil, nil, err
	}
	return e.rec.copy(), e, nil
}

func (r *stored) copy() *stored {
	c := *r
	c.Versions = slices.Clone(r.Versions)
	c.Aliases, c.Async = map[string]spec.Alias{}, map[string]spec.Async{}
	maps.Copy(c.Aliases, r.Aliases)
	maps.Copy(c.Async, r.Async)
	return &c
}

func newStored(name string) *stored { return &stored{Format: 1, Name: name, Next: 1} }

// List gives every $LATEST, by name; after Look those of manifests just written too.
func (r *Registry) List(context.Context) ([]spec.Function, error) {
	r.peek()
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := make([]spec.Function, 0, len(r.byName))
	for _, e := range r.byName {
		if e.latest != nil {
			all = append(all, *e.latest)
		}
	}
	slices.SortFunc(all, func(a, b spec.Function) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// Names lists the functions that there are, also those of which only published versions are left.
func (r *Registry) Names() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var names []string
	for name, e := range r.byName {
		if !e.rec.Deleted {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Versions gives $LATEST and the published ones, oldest first.
func (r *Registry) Versions(_ context.Context, name string) ([]spec.Function, error) {
	e, err := r.entry(name)
	if err != nil {
		return nil, err
	}
	var all []spec.Function
	if e.latest != nil {
		all = append(all, *e.latest)
	}
	return append(all, e.versions...), nil
}
