package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/daemon"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// fromLayout imports a layout's image when it is new or has changed since.
func (s *Store) fromLayout(ctx context.Context, ref, path, tag string, hear Hear) (images.Image, error) {
	index, err := layoutDigest(path, tag)
	if err != nil {
		return images.Image{}, notAnImage(path, err)
	}
	s.mu.Lock()
	last := s.layouts[ref]
	s.mu.Unlock()
	if last == index {
		if img, err := s.client.ImageService().Get(ctx, ref); err == nil {
			return s.claim(ctx, img)
		}
	}
	img, err := s.fetches.do(ctx, "import "+ref+index.String(), hear, func(ctx context.Context, hear Hear) (images.Image, error) {
		marks, err := s.marks(ctx, ref)
		if err != nil {
			return images.Image{}, err
		}
		return s.load(ctx, path, tag, ref, marks, hear)
	})
	if err != nil {
		return images.Image{}, err
	}
	s.mu.Lock()
	s.layouts[ref] = index
	s.mu.Unlock()
	return img, nil
}

// Load brings a layout or an archive, as a manifest's image names it without oci:, into the store under a name.
func (s *Store) Load(ctx context.Context, path, name string, hear Hear) (images.Image, error) {
	path, tag, _ := spec.Layout("oci:" + path)
	return s.load(ctx, path, tag, name, map[string]string{}, hear) // nobody's, also where a function's was
}

func (s *Store) load(ctx context.Context, path, tag, name string, labels map[string]string, hear Hear) (images.Image, error) {
	src, err := openSource(path, tag, s.Limits.WithDefaults())
	if err != nil {
		return images.Image{}, notAnImage(path, err)
	}
	defer src.Close()
	r := src.archive()
	defer r.Close()
	told := s.tell(spec.PhaseImport, name, src.total(), hear)
	told.skip(0)
	loaded, err := s.client.Import(ctx, told.of(r), client.WithIndexName(name), client.WithImageLabels(labels))
	if errors.Is(err, images.ErrEmptyWalk) {
		return images.Image{}, fmt.Errorf("%s is not an image for %s: %w", path, platforms.DefaultString(), errdefs.ErrInvalidArgument)
	}
	if err != nil {
		return images.Image{}, notAnImage(path, err)
	}
	s.log.Info("imported an image", "path", path, "name", name, "digest", loaded[0].Target.Digest.String())
	return loaded[0], nil
}

// layoutDigest changes whenever what the layout holds does, be it of another tag. An archive goes by what it is
// as a file: another one may have its size and time.
func layoutDigest(path, tag string) (digest.Digest, error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !st.IsDir() {
		return digest.FromString(settled([]string{path}) + tag), nil
	}
	dir, err := os.OpenRoot(path)
	if err != nil {
		return "", err
	}
	defer dir.Close()
	var index json.RawMessage
	err = (&source{dir: dir}).text(ocispec.ImageIndexFile, &index)
	if errors.Is(err, fs.ErrNotExist) { // of docker save: it names configuration and layers by their content
		err = (&source{dir: dir}).text(dockerFile, &index)
	}
	if tag != "" {
		index = append(index, tag...)
	}
	return digest.FromBytes(index), err
}

func notAnImage(path string, err error) error {
	if daemon.Away(err) {
		return fmt.Errorf("containerd went away while it imported %s; it is being started again: %w (%w)", path, err, errdefs.ErrUnavailable)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errdefs.IsResourceExhausted(err) {
		return fmt.Errorf("image %s: %w", path, err)
	}
	class := error(errdefs.ErrInvalidArgument)
	if errdefs.IsNotFound(err) {
		return fmt.Errorf("%s: %w", path, err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		class = errdefs.ErrNotFound
	}
	return fmt.Errorf("%s is not an image (the folder of an OCI layout or of what docker save wrote, or a tar archive of either): %w (%w)", path, err, class)
}

func readJSON(ctx context.Context, p content.Provider, d ocispec.Descriptor, v any) error {
	if d.Size > maxText {
		return fmt.Errorf("%s has %d bytes: %w", d.Digest, d.Size, errdefs.ErrInvalidArgument)
	}
	b, err := content.ReadBlob(ctx, p, d)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}
