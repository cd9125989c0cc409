package snapshots

import (
	"context"
	"errors"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/snapshotter/catalog"
)

// List gives every snapshot, newest first, then the quarantined ones.
func (s *Service) List(context.Context) ([]catalog.Record, error) {
	all, err := s.o.Catalog.List()
	if err != nil {
		return nil, err
	}
	bad, err := s.o.Catalog.Quarantined()
	return append(all, bad...), err
}

// Get finds one by its id or the beginning of it, and a quarantined one by its whole id.
func (s *Service) Get(_ context.Context, id string) (catalog.Record, error) {
	r, err := s.o.Catalog.Get(id)
	if !errdefs.IsNotFound(err) {
		return r, err
	}
	return s.o.Catalog.GetQuarantined(id)
}

// Verify reads every byte of a snapshot; a damaged one is quarantined, and the error says what is wrong with it.
func (s *Service) Verify(ctx context.Context, id string) (catalog.Record, error) {
	r, err := s.o.Catalog.Get(id)
	if err != nil {
		return r, err
	}
	if err := s.o.Catalog.Verify(ctx, r, true); err != nil {
		if ctx.Err() == nil {
			s.forget(r.ID)
			err = errors.Join(err, s.o.Catalog.Quarantine(r.ID, err.Error()))
		}
		return r, err
	}
	return r, nil
}

// Remove deletes one; quarantined ones go with Collect.
func (s *Service) Remove(_ context.Context, id string) error {
	r, err := s.o.Catalog.Get(id)
	if errdefs.IsNotFound(err) {
		return s.o.Catalog.RemoveQuarantined(id)
	}
	if err != nil {
		return err
	}
	s.forget(r.ID)
	return s.o.Catalog.Remove(r.ID)
}

// Collect deletes what can never serve again: snapshots of another kernel, CRIU, CPU or driver, and the quarantined.
// It says how many and how many bytes.
func (s *Service) Collect(ctx context.Context) (n int, bytes int64, err error) {
	all, err := s.o.Catalog.List()
	if err != nil {
		return 0, 0, err
	}
	for _, r := range all {
		if r.Key.Machine == s.o.Machine && r.Key.Runtime == s.o.Runtime {
			continue
		}
		if err := s.Remove(ctx, r.ID); err != nil {
			return n, bytes, err
		}
		n, bytes = n+1, bytes+r.Bytes
	}
	gone, freed, err := s.o.Catalog.DropQuarantined()
	return n + gone, bytes + freed, err
}

func (s *Service) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ready, id)
}
