package image

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/pkg/archive"
	"github.com/containerd/containerd/v2/pkg/archive/compression"
	"github.com/containerd/errdefs"
	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Layers are unpacked here and not by the daemon: what they make is counted before it is written, and ends with who wanted it.

// apply makes the layers that are missing a chain of snapshots. Of one that fails nothing stays.
func (s *Store) apply(ctx context.Context, name string, layers []ocispec.Descriptor, diffs []digest.Digest, b *budget, hear Hear) error {
	sn := s.client.SnapshotService(s.snapshotter)
	told := s.tell(spec.PhaseUnpack, name, sizes(layers), hear)
	for i, layer := range layers {
		chain := identity.ChainID(diffs[:i+1]).String()
		if _, err := sn.Stat(ctx, chain); err == nil {
			told.skip(layer.Size)
			continue
		}
		told.step(i+1, len(layers))
		parent := ""
		if i > 0 {
			parent = identity.ChainID(diffs[:i]).String()
		}
		if err := s.applyLayer(ctx, sn, layer, diffs[i], parent, chain, b, told); err != nil {
			return fmt.Errorf("layer %d: %w", i+1, err)
		}
	}
	return nil
}

func (s *Store) applyLayer(ctx context.Context, sn snapshots.Snapshotter, layer ocispec.Descriptor, diff digest.Digest, parent, name string, b *budget, told *teller) (err error) {
	work := fmt.Sprintf(snapshots.UnpackKeyFormat, uuid.NewString(), name)
	mounts, err := sn.Prepare(ctx, work, parent)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = sn.Remove(context.WithoutCancel(ctx), work)
		}
	}()
	got, err := s.extract(ctx, layer, mounts, b, told)
	if err != nil {
		return err
	}
	if got != diff {
		return fmt.Errorf("it unpacks to %s, the configuration says %s: %w", got, diff, errdefs.ErrInvalidArgument)
	}
	if err = sn.Commit(ctx, name, work); errdefs.IsAlreadyExists(err) { // another image's layer, meanwhile
		return sn.Remove(ctx, work)
	}
	return err
}

// extract writes a layer's files and returns the digest of its uncompressed bytes.
func (s *Store) extract(ctx context.Context, layer ocispec.Descriptor, mounts []mount.Mount, b *budget, told *teller) (digest.Digest, error) {
	blob, err := s.client.ContentStore().ReaderAt(ctx, layer)
	if err != nil {
		return "", err
	}
	defer blob.Close()
	plain, err := compression.DecompressStream(told.of(content.NewReader(blob)))
	if err != nil {
		return "", err
	}
	defer plain.Close()
	sum := digest.Canonical.Digester()
	r := io.TeeReader(&until{ctx, plain}, sum.Hash())
	if err := s.write(ctx, mounts, r, b); err != nil {
		return "", err
	}
	if _, err := io.Copy(io.Discard, io.LimitReader(r, maxText)); err != nil { // padding counts in the digest
		return "", err
	}
	return sum.Digest(), nil
}

// write applies an archive to a snapshot: straight to the upper folder of an overlay, as containerd does.
func (s *Store) write(ctx context.Context, mounts []mount.Mount, r io.Reader, b *budget) error {
	filter := archive.WithFilter(b.take)
	if upper, lower, ok := overlay(mounts); ok {
		b.within(upper)
		_, err := archive.Apply(ctx, upper, r, filter, archive.WithConvertWhiteout(archive.OverlayConvertWhiteout), archive.WithParents(lower))
		return err
	}
	return mount.WithTempMount(ctx, mounts, func(dir string) error {
		b.within(dir)
		_, err := archive.Apply(ctx, dir, r, filter)
		return err
	})
}

func overlay(mounts []mount.Mount) (upper string, lower []string, ok bool) {
	if len(mounts) != 1 || mounts[0].Type != "overlay" {
		return "", nil, false
	}
	for _, o := range mounts[0].Options {
		if v, is := strings.CutPrefix(o, "upperdir="); is {
			upper = v
		}
		if v, is := strings.CutPrefix(o, "lowerdir="); is {
			lower = strings.Split(v, ":")
		}
	}
	return upper, lower, upper != ""
}

// until reads as long as a context lasts.
type until struct {
	ctx context.Context
	r   io.Reader
}

func (u *until) Read(p []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.r.Read(p)
}
