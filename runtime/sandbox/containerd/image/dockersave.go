package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/containerd/errdefs"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// dockerFile lists the images that docker save before version 25 writes.
const dockerFile = "manifest.json"

// docker checks what docker save before version 25 writes, by its own list of images. It names layers that are the same as
// another's by links.
func (s *source) docker(l Limits) error {
	var list []struct {
		Config string
		Layers []string
	}
	err := s.text(dockerFile, &list)
	var other *json.UnmarshalTypeError
	if errors.As(err, &other) {
		return fmt.Errorf("its %s is not the list that docker save writes (skopeo's dir: is not taken, its oci: is): %w", dockerFile, errdefs.ErrInvalidArgument)
	}
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("it holds neither %s nor %s: %w", ocispec.ImageIndexFile, dockerFile, os.ErrNotExist)
	}
	if err != nil {
		return err
	}
	for _, img := range list {
		if img.Config != list[0].Config {
			return fmt.Errorf("it holds several images, of %s and %s: save one: %w", list[0].Config, img.Config, errdefs.ErrInvalidArgument)
		}
	}
	s.blobs = []string{dockerFile}
	seen, left := map[string]bool{}, l.Bytes
	for _, img := range list {
		if len(img.Layers) > l.Layers {
			return l.layers(make([]ocispec.Descriptor, len(img.Layers)), len(img.Layers))
		}
		for _, name := range append(img.Layers, img.Config) {
			if seen[name] || s.dir == nil {
				continue
			}
			n, err := s.size(name)
			if err != nil {
				return err
			}
			if left -= n; left < 0 || len(seen) >= maxParts {
				return l.tooLarge()
			}
			seen[name] = true
			s.blobs = append(s.blobs, name)
		}
	}
	return nil
}
