package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/opencontainers/image-spec/identity"
	"golang.org/x/sys/unix"
)

// Use is what must stay: the references of functions, and the chains that instances live on.
type Use struct {
	Refs, Chains []string
}

// unused remembers since when something has not been used.
type unused map[string]time.Time

// long tells whether a thing has not been used for that long by now.
func (u unused) long(name string, used bool, now time.Time, idle time.Duration) bool {
	if used {
		delete(u, name)
		return false
	}
	if _, ok := u[name]; !ok {
		u[name] = now
	}
	return now.Sub(u[name]) >= idle
}

// Prune removes the records of images that stores brought here and that no store has used for idle, and the root file
// systems of images that no record holds any more; containerd then drops what they alone kept. It gives the names of the
// records.
func (s *Store) Prune(ctx context.Context, use Use, idle time.Duration) ([]string, error) {
	if s.Owner == "" {
		return nil, nil
	}
	s.pruning.Lock()
	defer s.pruning.Unlock()
	all, err := s.client.ImageService().List(ctx)
	if err != nil {
		return nil, fmt.Errorf("containerd does not list its images: %w", err)
	}
	now, used := time.Now(), wanted(use.Refs)
	var gone []string
	var kept []images.Image
	for _, r := range all {
		use := used(r)
		if use {
			if r, err = s.claim(ctx, r); err != nil {
				return gone, err
			}
		}
		if !s.owns(r) || !s.idle.long("image "+r.Name, use, now, idle) {
			kept = append(kept, r)
			continue
		}
		delete(s.idle, "image "+r.Name)
		if others(r, s.mark()) {
			kept = append(kept, r)
			if err := s.disclaim(ctx, r); err != nil {
				return gone, err
			}
			continue
		}
		if err := s.client.ImageService().Delete(ctx, r.Name); err != nil && !errdefs.IsNotFound(err) {
			return gone, fmt.Errorf("image %s is not used, and cannot be removed: %w", r.Name, err)
		}
		gone = append(gone, r.Name)
		s.forget(r)
		s.log.Info("removed an image that no function uses", "name", r.Name, "digest", r.Target.Digest.String())
	}
	return gone, s.pruneRoots(ctx, s.chains(ctx, kept, use.Chains), now, idle)
}

// wanted tells which records the references of functions stand for.
func wanted(refs []string) func(images.Image) bool {
	names, tags := map[string]bool{}, map[string]bool{}
	for _, ref := range refs {
		for _, name := range candidates(ref) {
			names[name] = true
		}
		if tag, d, ok := strings.Cut(ref, "@"); ok {
			for _, name := range candidates(tag) {
				tags[name+"@"+d] = true
			}
		}
	}
	return func(r images.Image) bool { return names[r.Name] || tags[r.Name+"@"+r.Target.Digest.String()] }
}

// forget drops what is remembered of a record: who asks for it again finds it gone.
func (s *Store) forget(r images.Image) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, r.Target.Digest)
	delete(s.layouts, r.Name)
}

// chains are the layers that must stay.
func (s *Store) chains(ctx context.Context, kept []images.Image, more []string) map[string]bool {
	stay := map[string]bool{}
	for _, c := range more {
		stay[c] = true
	}
	for _, r := range kept {
		if c, err := s.chain(ctx, r); err == nil { // one that is not whole keeps nothing
			stay[c] = true
		}
	}
	return stay
}

func (s *Store) chain(ctx context.Context, r images.Image) (string, error) {
	s.mu.Lock()
	img := s.known[r.Target.Digest]
	s.mu.Unlock()
	if img != nil {
		return img.chain, nil
	}
	config, err := r.Config(ctx, s.client.ContentStore(), platforms.Default())
	if err != nil {
		return "", err
	}
	diffs, err := images.RootFS(ctx, s.client.ContentStore(), config)
	if err != nil {
		return "", err
	}
	return identity.ChainID(diffs).String(), nil
}

// pruneRoots removes the roots above other chains.
func (s *Store) pruneRoots(ctx context.Context, stay map[string]bool, now time.Time, idle time.Duration) error {
	sn := s.client.SnapshotService(s.snapshotter)
	above := map[string]string{} // root → chain
	err := sn.Walk(ctx, func(_ context.Context, info snapshots.Info) error {
		if key, ok := strings.CutSuffix(info.Name, layerSuffix); ok && strings.HasPrefix(key, rootPrefix) {
			above[key] = info.Parent
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("containerd does not list its snapshots: %w", err)
	}
	var errs []error
	for key, chain := range above {
		if s.idle.long("root "+key, stay[chain], now, idle) {
			errs = append(errs, s.removeRoot(ctx, sn, key, chain))
			delete(s.idle, "root "+key)
		}
	}
	return errors.Join(errs...)
}

func (s *Store) removeRoot(ctx context.Context, sn snapshots.Snapshotter, key, chain string) error {
	s.mu.Lock()
	for _, img := range s.known {
		if img.chain == chain {
			delete(s.known, img.Digest)
		}
	}
	s.mu.Unlock()
	if s.owners.dir != "" {
		at := filepath.Join(s.owners.dir, key+"-"+s.owners.ids.String())
		if err := mount.UnmountAll(at, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("root %s: %w", key, err)
		}
		_ = os.Remove(at)
	}
	for _, name := range []string{key, key + layerSuffix} {
		if err := sn.Remove(ctx, name); err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("root %s: %w", key, err)
		}
	}
	return nil
}
