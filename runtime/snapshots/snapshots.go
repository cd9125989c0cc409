// Package snapshots decides when a warm instance becomes a snapshot, proves it before it may serve, and hands it to
// starts. It stands between dispatch, which lends instances, and the catalogue, which keeps what they leave behind.
package snapshots

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/snapshotter"
	"github.com/videosdgx/videosdgx/snapshotter/catalog"
)

// Lender gives instances that serve nobody; dispatch is one.
type Lender interface {
	// Lend starts an instance of fn, from the checkpoint in dir or plainly with "", gives it to use once it is ready, and
	// removes it when use returns.
	Lend(ctx context.Context, fn spec.Function, dir string, use func(context.Context, *instance.Instance) error) error
}

// Content says what a function's references to an image and a bundle stand for now.
type Content interface {
	// Digests names what is there now; bundle and mounts are "" for a function without. It may bring the image here first.
	Digests(ctx context.Context, fn spec.Function) (image, bundle, mounts string, err error)
}

// Options configure a Service; Catalog, Lender, Content and Machine must be set.
type Options struct {
	Catalog *catalog.Catalog
	Lender  Lender
	Content Content
	Machine snapshotter.Machine
	Runtime string        // digest of what runs inside every instance: init, OCI runtime
	Timeout time.Duration // for making and proving one snapshot; default 10m
	Retry   time.Duration // after a failed attempt, before a start makes another; default 10m
	Log     *slog.Logger
	Now     func() time.Time
}

// Service implements dispatch's Snapshots. Safe for concurrent use; Stop ends what it does in the background.
type Service struct {
	o Options

	mu     sync.Mutex
	ready  map[string]catalog.Record // by id; what Lookup answers from
	making map[string]bool           // by id
	after  map[string]time.Time      // by id: no attempt by itself before

	turn   chan struct{}   // one snapshot is made at a time: two would slow both, and the functions that serve
	base   context.Context //nolint:containedctx // the service's own lifetime, ended by Stop
	cancel context.CancelFunc
	work   sync.WaitGroup
	closed bool
}

// New reads the catalogue.
func New(o Options) (*Service, error) {
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Minute
	}
	if o.Retry == 0 {
		o.Retry = 10 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &Service{o: o, ready: map[string]catalog.Record{}, making: map[string]bool{}, after: map[string]time.Time{}, turn: make(chan struct{}, 1)}
	s.base, s.cancel = context.WithCancel(context.Background())
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("read the snapshots: %w", err)
	}
	return s, nil
}

// load finds what may serve. It drops what was never proven, and what is from before a restart of the machine and would
// see its monotonic clock run backwards.
func (s *Service) load() error {
	all, err := s.o.Catalog.List()
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.State == catalog.Ready && r.Uptime <= catalog.Uptime() {
			s.ready[r.ID] = r
			continue
		}
		s.o.Log.Info("snapshot dropped", "function", r.Function, "snapshot", r.ID, "state", r.State, "uptime", r.Uptime)
		if err := s.o.Catalog.Remove(r.ID); err != nil {
			return err
		}
	}
	return nil
}

// Stop cancels what is being made and waits for it. It may be called twice.
func (s *Service) Stop() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.work.Wait()
}

// Key is what a snapshot of fn depends on here.
func (s *Service) Key(ctx context.Context, fn spec.Function) (snapshotter.Key, error) {
	image, bundle, mounts, err := s.o.Content.Digests(ctx, fn)
	if err != nil {
		return snapshotter.Key{}, fmt.Errorf("snapshot of %s: %w", fn.Name, err)
	}
	return snapshotter.Key{Image: image, Bundle: bundle, Mounts: mounts, Config: fn.Digest, Version: fn.Version, Runtime: s.o.Runtime, Machine: s.o.Machine}, nil
}

// Lookup gives the folder of a snapshot that may serve. Its files are looked at each time: one that was written to since
// it was checked is read again, and a damaged one is quarantined here, before anything is restored from it. gpus are those that were
// chosen for the start: the driver brings memory back to the GPU that it was on.
func (s *Service) Lookup(fn spec.Function, gpus []string) (dir string, ok bool) {
	if !s.any(fn) {
		return "", false // without a look at the image, which would be brought here for it
	}
	k, err := s.Key(s.base, fn)
	if err != nil {
		return "", false // the plain start tells what is wrong with the image or the bundle
	}
	s.mu.Lock()
	r, ok := s.ready[k.Digest()]
	s.mu.Unlock()
	if !ok || len(r.GPUs) > 0 && !slices.Equal(r.GPUs, gpus) {
		return "", false
	}
	now, err := s.o.Catalog.Get(r.ID)
	if errdefs.IsNotFound(err) {
		s.forget(r.ID) // it went to keep the budget
		return "", false
	}
	if err == nil && now.State != catalog.Ready {
		return "", false // another one of the same version is being proven
	}
	if err == nil {
		err = s.o.Catalog.Verify(s.base, r, false)
	}
	if err != nil {
		s.quarantine(r.ID, fn, err)
		return "", false
	}
	return r.Dir, true
}

// any tells whether some snapshot of the version may serve, whatever it was made of.
func (s *Service) any(fn spec.Function) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.ready {
		if r.Function == fn.Name && r.Version == fn.Version {
			return true
		}
	}
	return false
}

// Restored notes that a start came from fn's snapshot.
func (s *Service) Restored(fn spec.Function) {
	s.background(func(ctx context.Context) {
		k, err := s.Key(ctx, fn)
		if err == nil {
			err = s.o.Catalog.Used(k.Digest())
		}
		if err != nil && !errdefs.IsNotFound(err) {
			s.o.Log.Warn("use of a snapshot not noted", "function", fn.Name, "error", err)
		}
	})
}

// Failed takes a snapshot that did not restore out of service.
func (s *Service) Failed(fn spec.Function, why error) {
	k, err := s.Key(s.base, fn)
	if err != nil {
		s.o.Log.Error("snapshot not quarantined", "function", fn.Name, "reason", why, "error", err)
		return
	}
	s.quarantine(k.Digest(), fn, why)
}

func (s *Service) quarantine(id string, fn spec.Function, why error) {
	s.mu.Lock()
	delete(s.ready, id)
	s.after[id] = s.o.Now().Add(s.o.Retry)
	s.mu.Unlock()
	s.o.Log.Warn("snapshot quarantined", "function", fn.Name, "snapshot", id, "reason", why)
	if err := s.o.Catalog.Quarantine(id, why.Error()); err != nil && !errdefs.IsNotFound(err) {
		s.o.Log.Error("snapshot not quarantined", "snapshot", id, "error", err)
	}
}

// background runs f unless the service is stopping.
func (s *Service) background(f func(ctx context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.work.Go(func() { f(s.base) })
	}
}
