package image

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
)

// markPrefix begins the labels on the records of images that are here because functions asked for them, one for each store
// whose functions do; its value is the record's name, since who gives an image another name copies its labels. What somebody
// brought here under a name of their own has none, and stays.
const markPrefix = "videosdgx/used-by/"

func (s *Store) mark() string { return markPrefix + s.Owner }

// marked reads a label of a record as a mark.
func marked(r images.Image, key string) bool {
	return strings.HasPrefix(key, markPrefix) && r.Labels[key] == r.Name
}

func (s *Store) owns(r images.Image) bool { return marked(r, s.mark()) }

// others tells whether a record has marks but this.
func others(r images.Image, mark string) bool {
	for key := range r.Labels {
		if key != mark && marked(r, key) {
			return true
		}
	}
	return false
}

// marks are the labels of a record that is about to be made, or to be another image: those that it has, and this store's mark.
// One that is nobody's gets none.
func (s *Store) marks(ctx context.Context, name string) (map[string]string, error) {
	old, err := s.client.ImageService().Get(ctx, name)
	if err != nil && !errdefs.IsNotFound(err) {
		return nil, fmt.Errorf("containerd does not say whether it has image %s: %w", name, err)
	}
	now := map[string]string{}
	maps.Copy(now, old.Labels)
	if s.Owner != "" && (err != nil || others(old, "")) {
		now[s.mark()] = name
	}
	return now, nil
}

// claim marks a record that other stores' functions use as used by this one's too.
func (s *Store) claim(ctx context.Context, r images.Image) (images.Image, error) {
	if s.Owner == "" || s.owns(r) || !others(r, s.mark()) {
		return r, nil
	}
	r.Labels[s.mark()] = r.Name
	return s.relabel(ctx, r)
}

// disclaim takes this store's mark from a record that other stores' functions use.
func (s *Store) disclaim(ctx context.Context, r images.Image) error {
	r.Labels[s.mark()] = ""
	_, err := s.relabel(ctx, r)
	return err
}

func (s *Store) relabel(ctx context.Context, r images.Image) (images.Image, error) {
	now, err := s.client.ImageService().Update(ctx, r, "labels."+s.mark())
	if errdefs.IsNotFound(err) { // it went meanwhile: who asks for it again finds that
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("image %s cannot be marked as used: %w", r.Name, err)
	}
	return now, nil
}
