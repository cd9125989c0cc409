package image

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// source is an image on disk: the folder of an OCI layout or of what docker save wrote, or a tar archive of either. It is
// looked through before containerd is given any of it.
type source struct {
	dir   *os.Root        // nil for an archive
	file  *os.File        // nil for a folder
	parts map[string]part // of an archive
	blobs []string        // the files that are the image, each once
	tag   string          // names one of several images; "" where there is one
	index []byte          // the index, or docker's list, of what is taken, without names
	list  string          // the file that index stands for; "": it is taken as it is
}

type part struct{ offset, size int64 }

// maxParts bounds the entries of an archive, and the images of an index.
const maxParts = 100_000

// openSource checks that everything that is there has the size that is said of it, within the limits. A tag chooses one of
// several images.
func openSource(path, tag string, l Limits) (*source, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	s := &source{tag: tag}
	switch {
	case st.IsDir():
		if s.dir, err = os.OpenRoot(path); err != nil {
			return nil, err
		}
	case !st.Mode().IsRegular():
		return nil, fmt.Errorf("it is neither a folder nor a file: %w", errdefs.ErrInvalidArgument)
	default:
		if err := s.scan(path, l); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	if err := s.walk(path, l); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close lets go of the folder or archive.
func (s *source) Close() error {
	if s.dir != nil {
		return s.dir.Close()
	}
	return s.file.Close()
}

// scan reads an archive's headers, and skips what is between them.
func (s *source) scan(path string, l Limits) (err error) {
	if s.file, err = os.Open(path); err != nil {
		return err
	}
	if err := plain(s.file); err != nil {
		return err
	}
	s.parts = map[string]part{}
	left := l.Bytes
	for r := tar.NewReader(s.file); ; {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if left -= h.Size; h.Size < 0 || left < 0 || len(s.parts) >= maxParts {
			return l.tooLarge()
		}
		at, err := s.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeReg {
			s.parts[filepath.Clean(h.Name)] = part{at, h.Size}
		}
	}
}

// size is that of a regular file; a pipe in its place is none, nor a link that leads out of the folder.
func (s *source) size(name string) (int64, error) {
	if s.file != nil {
		p, ok := s.parts[name]
		if !ok {
			return 0, &os.PathError{Op: "open", Path: name, Err: os.ErrNotExist}
		}
		return p.size, nil
	}
	st, err := s.dir.Stat(name)
	if err != nil {
		return 0, err
	}
	if !st.Mode().IsRegular() {
		return 0, fmt.Errorf("%s is not a file: %w", name, errdefs.ErrInvalidArgument)
	}
	return st.Size(), nil
}

// text reads a small JSON file.
func (s *source) text(name string, v any) error {
	n, err := s.size(name)
	if err != nil {
		return err
	}
	if n > maxText {
		return fmt.Errorf("%s has %d bytes, at most %d are read: %w", name, n, maxText, errdefs.ErrInvalidArgument)
	}
	b := make([]byte, n)
	if s.file != nil {
		_, err = s.file.ReadAt(b, s.parts[name].offset)
	} else {
		b, err = s.dir.ReadFile(name)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

// walk follows the index to all that there is of it.
func (s *source) walk(path string, l Limits) error {
	var index ocispec.Index
	err := s.text(ocispec.ImageIndexFile, &index)
	if errors.Is(err, os.ErrNotExist) {
		return s.docker(path, l)
	}
	s.blobs = []string{ocispec.ImageLayoutFile, ocispec.ImageIndexFile}
	if err == nil {
		_, err = s.size(ocispec.ImageLayoutFile)
	}
	if err != nil {
		return err
	}
	if index.Manifests, err = tagged(index.Manifests, s.tag); err == nil {
		err = oneImage(index.Manifests, path)
	}
	if err != nil {
		return err
	}
	anonymous, named := index, false
	if anonymous.Manifests, named = nameless(index.Manifests); named || s.tag != "" {
		err = s.instead(ocispec.ImageIndexFile, anonymous)
	}
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for list := index.Manifests; len(list) > 0; list = list[1:] {
		more, err := s.visit(list[0], seen, l)
		if err != nil {
			return err
		}
		if list = append(list, more...); len(seen)+len(list) > maxParts {
			return l.tooLarge()
		}
	}
	return nil
}

// visit checks one blob and returns what it leads to. A platform's image that is not in the layout is left out, as in
// layouts of one platform's that keep the whole index.
func (s *source) visit(d ocispec.Descriptor, seen map[string]bool, l Limits) ([]ocispec.Descriptor, error) {
	if err := d.Digest.Validate(); err != nil {
		return nil, fmt.Errorf("digest %q: %w", d.Digest, err)
	}
	name := path.Join(ocispec.ImageBlobsDir, d.Digest.Algorithm().String(), d.Digest.Encoded())
	n, err := s.size(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if n != d.Size {
		return nil, fmt.Errorf("%s has %d bytes, its descriptor says %d: %w", d.Digest, n, d.Size, errdefs.ErrInvalidArgument)
	}
	if n > l.Bytes {
		return nil, l.tooLarge()
	}
	if seen[name] {
		return nil, nil
	}
	seen[name] = true
	s.blobs = append(s.blobs, name)
	var doc struct {
		Manifests []ocispec.Descriptor
		Config    *ocispec.Descriptor
		Layers    []ocispec.Descriptor
	}
	if !images.IsManifestType(d.MediaType) && !images.IsIndexType(d.MediaType) {
		return nil, nil
	}
	if err := s.text(name, &doc); err != nil {
		return nil, err
	}
	if images.IsManifestType(d.MediaType) {
		if err := l.layers(doc.Layers, len(doc.Layers)); err != nil {
			return nil, err
		}
	}
	list := append(doc.Manifests, doc.Layers...)
	if doc.Config != nil {
		list = append(list, *doc.Config)
	}
	return list, nil
}
