package image

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/pkg/labels"
	"github.com/containerd/errdefs"
	"github.com/distribution/reference"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// askFor is how long a registry may take to say whether it has an image.
const askFor = 15 * time.Second

// Resolve gives the digest of a reference's image, or says why there is none: its layout is none, or neither containerd nor the
// registry has it. Nothing is brought here.
func (s *Store) Resolve(ctx context.Context, ref string) (string, error) {
	if ref == "" {
		return "", errNoImage
	}
	if path, tag, ok := spec.Layout(ref); ok {
		index, err := s.looked.digestOf(path, tag, s.Limits.WithDefaults())
		return string(index), err
	}
	if img, err := s.here(ctx, ref); err == nil || !errdefs.IsNotFound(err) {
		return img.Target.Digest.String(), err
	}
	d, err := s.ask(ctx, ref)
	if err != nil {
		return "", fmt.Errorf("image %s is not in containerd, and its registry does not give it: import it with `videosdgx image build --import`, name a layout as oci:FOLDER, or push it: %w", ref, err)
	}
	return d, nil
}

// Pin gives the digest that a reference stands for at its registry, whatever it stood for when it was pulled, or says why there
// is no such image. It is "" of what no registry can move: a layout, an image that was imported under its name, and a digest.
// What serves, "" where nothing does, goes on where the registry of an image that is here says nothing.
func (s *Store) Pin(ctx context.Context, ref, serves string) (string, error) {
	if ref == "" || strings.HasPrefix(ref, "oci:") || strings.Contains(ref, "@") {
		_, err := s.Resolve(ctx, ref)
		return "", err
	}
	img, err := s.here(ctx, ref)
	if errdefs.IsNotFound(err) {
		return s.Resolve(ctx, ref)
	}
	if err != nil || !s.pulled(ctx, img) {
		return "", err
	}
	d, asked := s.ask(ctx, ref)
	if asked == nil || ctx.Err() != nil {
		return d, ctx.Err()
	}
	stays := cmp.Or(serves, img.Target.Digest.String())
	s.log.Warn("the registry does not say what an image's tag stands for now: what was pulled stays", "image", ref, "digest", stays, "error", asked)
	return stays, nil
}

// here finds an image in the store: by its name, and where a tag was resolved, by the tag as long as it stands for the same.
func (s *Store) here(ctx context.Context, ref string) (images.Image, error) {
	for _, name := range candidates(ref) {
		img, err := s.client.ImageService().Get(ctx, name)
		if err == nil || !errdefs.IsNotFound(err) {
			return img, err
		}
	}
	if tag, d, ok := strings.Cut(ref, "@"); ok {
		img, err := s.here(ctx, tag)
		if err != nil || img.Target.Digest.String() == d {
			return img, err
		}
	}
	return images.Image{}, fmt.Errorf("image %s is not in containerd: %w", ref, errdefs.ErrNotFound)
}

// pulled says whether an image came from the registry that its name names; containerd writes that beside its content.
func (s *Store) pulled(ctx context.Context, img images.Image) bool {
	full, err := reference.ParseDockerRef(img.Name)
	if err != nil {
		return false
	}
	info, err := s.client.ContentStore().Info(ctx, img.Target.Digest)
	repositories := strings.Split(info.Labels[labels.LabelDistributionSource+"."+hostOf(full)], ",")
	return err == nil && slices.Contains(repositories, reference.Path(full))
}

// ask has a registry say what a reference stands for.
func (s *Store) ask(ctx context.Context, ref string) (string, error) {
	full, err := reference.ParseDockerRef(ref)
	if err != nil {
		return "", fmt.Errorf("%q is not an image: %w (%w)", ref, err, errdefs.ErrInvalidArgument)
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	resolver, done := s.resolver(full)
	defer done()
	_, target, err := resolver.Resolve(ctx, full.String())
	if err != nil {
		return "", fmt.Errorf("%w (%w)", err, errdefs.ErrNotFound)
	}
	return target.Digest.String(), nil
}
