package image

import (
	"context"
	"fmt"
	"time"

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
	for _, name := range candidates(ref) {
		if img, err := s.client.ImageService().Get(ctx, name); err == nil || !errdefs.IsNotFound(err) {
			return img.Target.Digest.String(), err
		}
	}
	full, err := reference.ParseDockerRef(ref)
	if err != nil {
		return "", fmt.Errorf("%q is not an image: %w (%w)", ref, err, errdefs.ErrInvalidArgument)
	}
	ask, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	resolver, done := s.resolver(full)
	defer done()
	_, target, err := resolver.Resolve(ask, full.String())
	if err != nil {
		return "", fmt.Errorf("image %s is not in containerd, and its registry does not give it: import it with `videosdgx image build --import`, name a layout as oci:FOLDER, or push it: %w (%w)", ref, err, errdefs.ErrNotFound)
	}
	return target.Digest.String(), nil
}
