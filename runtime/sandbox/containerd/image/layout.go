package image

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/daemon"
)

// layoutPath splits "oci:PATH", PATH being the folder of an OCI layout or the tar archive of one.
func layoutPath(ref string) (string, bool) { return strings.CutPrefix(ref, "oci:") }

// fromLayout imports a layout when it is new or has changed since.
func (s *Store) fromLayout(ctx context.Context, ref, path string) (images.Image, error) {
	index, err := layoutDigest(path)
	if err != nil {
		return images.Image{}, notAnImage(path, err)
	}
	s.mu.Lock()
	last := s.layouts[path]
	s.mu.Unlock()
	if last == index {
		if img, err := s.client.ImageService().Get(ctx, ref); err == nil {
			return img, nil
		}
	}
	v, err, _ := s.flight.Do("import "+ref+index.String(), func() (any, error) { return s.Load(ctx, path, ref) })
	if err != nil {
		return images.Image{}, err
	}
	s.mu.Lock()
	s.layouts[path] = index
	s.mu.Unlock()
	return v.(images.Image), nil
}

// Load brings a layout or an archive into the store under a name.
func (s *Store) Load(ctx context.Context, path, name string) (images.Image, error) {
	r, err := openLayout(path)
	if err != nil {
		return images.Image{}, notAnImage(path, err)
	}
	defer r.Close()
	loaded, err := s.client.Import(ctx, r, client.WithIndexName(name))
	if errors.Is(err, images.ErrEmptyWalk) {
		return images.Image{}, fmt.Errorf("%s is not an image for %s: %w", path, platforms.DefaultString(), errdefs.ErrInvalidArgument)
	}
	if err != nil {
		return images.Image{}, notAnImage(path, err)
	}
	s.log.Info("imported an image", "path", path, "name", name, "digest", loaded[0].Target.Digest.String())
	return loaded[0], nil
}

// layoutDigest changes whenever what the layout holds does. An archive goes by its size and time.
func layoutDigest(path string) (digest.Digest, error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !st.IsDir() {
		return digest.FromString(fmt.Sprint(st.Size(), st.ModTime().UnixNano())), nil
	}
	b, err := os.ReadFile(filepath.Join(path, ocispec.ImageIndexFile))
	if err != nil {
		return "", err
	}
	return digest.FromBytes(b), nil
}

// openLayout gives a folder as the archive that containerd imports, made while it is read.
func openLayout(path string) (io.ReadCloser, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !st.IsDir() {
		return os.Open(path)
	}
	for _, f := range []string{ocispec.ImageLayoutFile, ocispec.ImageIndexFile} {
		if _, err := os.Stat(filepath.Join(path, f)); err != nil {
			return nil, err
		}
	}
	r, w := io.Pipe()
	go func() {
		t := tar.NewWriter(w)
		err := t.AddFS(onlyLayout{os.DirFS(path)})
		if err == nil {
			err = t.Close()
		}
		w.CloseWithError(err)
	}()
	return r, nil
}

// onlyLayout hides what lies in the folder besides the layout.
type onlyLayout struct{ fs.FS }

func (l onlyLayout) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(l.FS, name)
	if name != "." {
		return entries, err
	}
	kept := entries[:0]
	for _, e := range entries {
		switch e.Name() {
		case ocispec.ImageLayoutFile, ocispec.ImageIndexFile, ocispec.ImageBlobsDir:
			kept = append(kept, e)
		}
	}
	return kept, err
}

func notAnImage(path string, err error) error {
	if daemon.Away(err) {
		return fmt.Errorf("containerd went away while it imported %s; it is being started again: %w (%w)", path, err, errdefs.ErrUnavailable)
	}
	class := error(errdefs.ErrInvalidArgument)
	if os.IsNotExist(err) {
		class = errdefs.ErrNotFound
	}
	return fmt.Errorf("%s is not an OCI image (a layout's folder, or a tar archive of one): %w (%w)", path, err, class)
}

func readJSON(ctx context.Context, p content.Provider, d ocispec.Descriptor, v any) error {
	b, err := content.ReadBlob(ctx, p, d)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}
