package snapshots

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/snapshotter"
	"github.com/videosdgx/videosdgx/snapshotter/catalog"
)

// Started hears of every plain start. The first one of a version has a snapshot made in the background, unless its
// manifest says otherwise. One that is made on publishing is made again here when it has gone.
func (s *Service) Started(fn spec.Function) {
	if fn.Snapshot == "off" || steady(fn) != nil || fn.SnapshotOn == "publish" && fn.Version == "$LATEST" {
		return
	}
	s.Want(fn)
}

// Want makes a snapshot in the background where there is none, none is being made, and none failed a short while ago.
func (s *Service) Want(fn spec.Function) {
	s.background(func(ctx context.Context) {
		k, err := s.Key(ctx, fn)
		if err == nil && s.wanted(k.Digest()) {
			_, err = s.make(ctx, fn, k, func(string) {})
		}
		if err != nil && ctx.Err() == nil && !errdefs.IsAlreadyExists(err) {
			s.o.Log.Warn("no snapshot was made, the function starts plainly", "function", fn.Name, "error", err)
		}
	})
}

func (s *Service) wanted(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, there := s.ready[id]
	return !there && !s.making[id] && !s.o.Now().Before(s.after[id])
}

// Create makes and proves a snapshot of fn, replacing the one there is. AlreadyExists while another call makes it. tell
// hears each step as it begins, in words, from the caller's goroutine or one that ends before Create does; nil: nobody does.
func (s *Service) Create(ctx context.Context, fn spec.Function, tell func(step string)) (catalog.Record, error) {
	if tell == nil {
		tell = func(string) {}
	}
	k, err := s.Key(ctx, fn)
	if err != nil {
		return catalog.Record{}, err
	}
	return s.make(ctx, fn, k, tell)
}

func (s *Service) make(ctx context.Context, fn spec.Function, k snapshotter.Key, tell func(string)) (catalog.Record, error) {
	id := k.Digest()
	if err := steady(fn); err != nil {
		return catalog.Record{}, err
	}
	if err := s.claim(id, fn); err != nil {
		return catalog.Record{}, err
	}
	r, err := s.dumpAndProve(ctx, fn, k, tell)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.making, id)
	if err != nil {
		s.after[id] = s.o.Now().Add(s.again(err))
		return r, err
	}
	s.ready[id] = r
	return r, nil
}

// steady refuses what may change under a snapshot: an instance keeps in memory what it read of a folder that it, or another
// one, then writes to.
func steady(fn spec.Function) error {
	if len(fn.Secrets) > 0 {
		return fmt.Errorf("%s has secrets, which a snapshot would hold: it starts plainly: %w", fn.Name, errdefs.ErrFailedPrecondition)
	}
	for _, m := range fn.Mounts {
		if m.Writable && fn.Snapshot != "always" {
			return fmt.Errorf("%s writes to its mount %s, which a restored instance would not find as it left it; write snapshot: always if that does no harm: %w",
				fn.Name, m.Target, errdefs.ErrFailedPrecondition)
		}
	}
	return nil
}

// again is when a start makes another attempt after a failure. What would repeat itself always will.
func (s *Service) again(err error) time.Duration {
	const never = 100 * 365 * 24 * time.Hour
	if errors.As(err, new(*instance.RepeatsError)) || errors.As(err, new(*instance.DeviceRoomError)) {
		return never
	}
	return s.o.Retry
}

func (s *Service) claim(id string, fn spec.Function) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.making[id] {
		return fmt.Errorf("a snapshot of %s is being made already: %w", fn.Name, errdefs.ErrAlreadyExists)
	}
	s.making[id] = true
	return nil
}

func (s *Service) dumpAndProve(ctx context.Context, fn spec.Function, k snapshotter.Key, tell func(string)) (catalog.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	tell("waiting for its turn")
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return catalog.Record{}, context.Cause(ctx)
	}
	images, err := s.o.Catalog.Stage()
	if err != nil {
		return catalog.Record{}, err
	}
	tell("starting an instance")
	oracle, r, err := s.dump(ctx, fn, images, tell)
	if err != nil {
		return catalog.Record{}, errors.Join(err, s.o.Catalog.Discard(images))
	}
	s.forget(k.Digest()) // the files on disk become those of another one, whose record a start cannot know yet
	tell("storing it")
	r.Key, r.Function, r.Version, r.State = k, fn.Name, fn.Version, catalog.Unproven
	if r, err = s.o.Catalog.Commit(ctx, images, r); err != nil {
		return r, errors.Join(err, s.o.Catalog.Discard(images))
	}
	tell("proving it")
	return s.prove(ctx, fn, r, oracle)
}

// dump starts an instance, has it answer the manifest's event, and checkpoints it. What it answered is the oracle. A
// function with restore hooks is checkpointed first, while it waits for the restore: an event would have it run them. The record has how
// long the checkpoint took and the GPUs that were chosen for the instance.
func (s *Service) dump(ctx context.Context, fn spec.Function, images string, tell func(string)) (oracle *answer, r catalog.Record, err error) {
	err = s.o.Lender.Lend(ctx, fn, "", func(ctx context.Context, i *instance.Instance) (err error) {
		if fn.GPUs.Any() > 0 {
			r.GPUs = slices.Clone(i.GPUs())
		}
		if i.Hooked() {
			tell("checkpointing it")
			if r.Dump, err = checkpoint(ctx, i, images, fn, false); err == nil {
				oracle, err = ask(ctx, i, fn)
			}
			return err
		}
		if oracle, err = ask(ctx, i, fn); err == nil {
			tell("checkpointing it")
			r.Dump, err = checkpoint(ctx, i, images, fn, true)
		}
		return err
	})
	return oracle, r, err
}

func checkpoint(ctx context.Context, i *instance.Instance, images string, fn spec.Function, exit bool) (took time.Duration, err error) {
	begin := time.Now()
	if err := i.Checkpoint(ctx, images, exit); err != nil {
		return 0, fmt.Errorf("checkpoint %s: %w", fn.Name, err)
	}
	return time.Since(begin), nil
}

// on is the function with the GPUs of its snapshot, where any would do for a plain start.
func on(fn spec.Function, gpus []string) spec.Function {
	if len(gpus) > 0 {
		fn.GPUs = gpus
	}
	return fn
}

// prove restores the snapshot once and has the restored instance answer the same event. Only when it answers as the
// original did may the snapshot serve; else it is quarantined.
func (s *Service) prove(ctx context.Context, fn spec.Function, r catalog.Record, oracle *answer) (catalog.Record, error) {
	err := s.o.Lender.Lend(ctx, on(fn, r.GPUs), r.Dir, func(ctx context.Context, i *instance.Instance) error {
		got, err := ask(ctx, i, fn)
		if err != nil {
			return err
		}
		return oracle.same(got)
	})
	if err != nil && ctx.Err() != nil { // it was not given the time to prove itself, which says nothing against it
		return r, errors.Join(context.Cause(ctx), s.o.Catalog.Remove(r.ID))
	}
	if err != nil {
		err = fmt.Errorf("a restored instance of %s does not do what the original did: %w", fn.Name, err)
		s.quarantine(r.ID, fn, err)
		return r, err
	}
	dir := r.Dir
	r, err = s.o.Catalog.Update(r.ID, func(r *catalog.Record) { r.State = catalog.Ready })
	r.Dir = dir
	if err == nil {
		s.o.Log.Info("snapshot ready", "function", fn.Name, "snapshot", r.ID, "bytes", r.Bytes, "dump", r.Dump)
	}
	return r, err
}
