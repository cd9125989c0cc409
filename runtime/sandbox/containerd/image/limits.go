package image

import (
	"archive/tar"
	"context"
	"fmt"
	"math"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/errdefs"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"
)

// Limits bound what an image may make of this machine's disk. Zero takes the default.
type Limits struct {
	Bytes  int64 // unpacked, all layers together; default 64 GiB
	Files  int64 // entries of all layers; default 2 million
	Layers int   // default 127, as Docker's
}

const (
	maxText = 4 << 20 // of an index, a manifest or a configuration, as registries have it
	reserve = 1 << 30 // of disk that no image may take
)

// WithDefaults returns a copy with every zero field filled in.
func (l Limits) WithDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 64 << 30
	}
	if l.Files <= 0 {
		l.Files = 2_000_000
	}
	if l.Layers <= 0 {
		l.Layers = 127
	}
	return l
}

// layers checks what a manifest and its configuration claim, before anything is read of the layers.
func (l Limits) layers(list []ocispec.Descriptor, diffs int) error {
	if len(list) > l.Layers {
		return fmt.Errorf("it has %d layers, at most %d are unpacked: build it with fewer: %w", len(list), l.Layers, errdefs.ErrInvalidArgument)
	}
	if diffs != len(list) {
		return fmt.Errorf("its manifest lists %d layers and its configuration %d: %w", len(list), diffs, errdefs.ErrInvalidArgument)
	}
	var all int64
	for _, d := range list {
		if d.Size < 0 || d.Size > l.Bytes-all {
			return l.tooLarge()
		}
		all += d.Size
	}
	return nil
}

func (l Limits) tooLarge() error {
	return fmt.Errorf("it is larger than %d GiB: raise --image-limit if it is to be trusted: %w", l.Bytes>>30, errdefs.ErrResourceExhausted)
}

// stored checks that a blob has the size that its descriptor says.
func stored(ctx context.Context, store content.InfoProvider, d ocispec.Descriptor) error {
	info, err := store.Info(ctx, d.Digest)
	if err != nil {
		return err
	}
	if info.Size != d.Size {
		return fmt.Errorf("%s has %d bytes, its descriptor says %d: %w", d.Digest, info.Size, d.Size, errdefs.ErrInvalidArgument)
	}
	return nil
}

// budget is what is left of the limits while an image is unpacked.
type budget struct {
	l            Limits
	bytes, files int64
}

func (l Limits) budget() *budget { return &budget{l: l, bytes: l.Bytes, files: l.Files} }

// take pays for an entry before it is written, also for what a sparse file only claims to hold.
func (b *budget) take(h *tar.Header) (bool, error) {
	b.files--
	if h.Size < 0 || h.Size > b.bytes {
		return false, b.l.tooLarge()
	}
	if b.files < 0 {
		return false, fmt.Errorf("it holds more than %d files: %w", b.l.Files, errdefs.ErrResourceExhausted)
	}
	b.bytes -= h.Size
	return true, nil
}

// within lowers the budget to what the disk of dir has left.
func (b *budget) within(dir string) {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil || st.Bavail > math.MaxInt64/uint64(st.Bsize) {
		return
	}
	b.bytes = min(b.bytes, max(int64(st.Bavail)*st.Bsize-reserve, 0))
}
