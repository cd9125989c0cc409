package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/containerd/errdefs"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// dockerFile lists the images that docker save before version 25 writes.
const dockerFile = "manifest.json"

// docker checks what docker save before version 25 writes, by its own list of images. It names layers that are the same as
// another's by links.
func (s *source) docker(path string, l Limits) error {
	var list []saved
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
	if list, err = oneSaved(list, s.tag, path); err == nil {
		err = s.unnamed(list)
	}
	if err != nil {
		return err
	}
	s.blobs = []string{dockerFile}
	seen, left := map[string]bool{}, l.Bytes
	for _, img := range list {
		if len(img.Layers) > l.Layers {
			return l.layers(make([]ocispec.Descriptor, len(img.Layers)), len(img.Layers))
		}
		for _, name := range append(img.Layers, img.Config) {
			if seen[name] || s.whole() {
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

// unnamed has docker's list name no image.
func (s *source) unnamed(list []saved) error {
	named := slices.ContainsFunc(list, func(img saved) bool { return len(img.RepoTags) > 0 })
	if !named && s.tag == "" {
		return nil
	}
	list = slices.Clone(list)
	for i := range list {
		list[i].RepoTags = nil
	}
	return s.instead(dockerFile, list)
}

// saved is an image in docker's list.
type saved struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// oneSaved takes the image that goes by a tag, or the only one there is.
func oneSaved(list []saved, tag, path string) ([]saved, error) {
	var all []string
	var found []saved
	for _, img := range list {
		all = append(all, img.RepoTags...)
		if tag == "" || slices.ContainsFunc(img.RepoTags, func(name string) bool { return name == tag || goesBy(name, tag) }) {
			found = append(found, img)
		}
	}
	if tag != "" {
		if err := noneTagged(len(found), tag, all); err != nil {
			return nil, err
		}
	}
	for _, img := range found {
		if img.Config == found[0].Config {
			continue
		}
		if names := append(slices.Clone(found[0].RepoTags), img.RepoTags...); len(names) > 0 {
			return nil, fmt.Errorf("it holds several images, %s: say which, as in oci:%s:%s: %w", several(all), path, names[0], errdefs.ErrInvalidArgument)
		}
		return nil, fmt.Errorf("it holds several images, of %s and %s: save one: %w", found[0].Config, img.Config, errdefs.ErrInvalidArgument)
	}
	return found, nil
}
