package image

import (
	"context"
	"fmt"
	"testing"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
)

// shelf is a content store that counts what it is asked.
type shelf struct {
	content.Store
	there  map[digest.Digest]bool
	coming []content.Status
	asked  map[digest.Digest]int
	during func()
}

func (s *shelf) ListStatuses(context.Context, ...string) ([]content.Status, error) {
	return s.coming, nil
}

func (s *shelf) Info(_ context.Context, d digest.Digest) (content.Info, error) {
	s.during()
	if s.asked[d]++; !s.there[d] {
		return content.Info{}, fmt.Errorf("layer: %w", errdefs.ErrNotFound)
	}
	return content.Info{Digest: d}, nil
}

// TestALayerThatHasComeIsNotAskedForAgain, and while the daemon answers the next manifest's layers can be noted.
func TestALayerThatHasComeIsNotAskedForAgain(t *testing.T) {
	a, b, c := digest.FromString("a"), digest.FromString("b"), digest.FromString("c")
	s := &shelf{there: map[digest.Digest]bool{a: true}, asked: map[digest.Digest]int{}, coming: []content.Status{{Ref: "layer-" + b.String(), Offset: 7}}}
	f := &fetching{store: s, layers: map[digest.Digest]int64{a: 100, b: 10, c: 1}, there: map[digest.Digest]bool{}}
	s.during = func() { f.mu.Lock(); f.mu.Unlock() } //nolint:staticcheck // it would wait for ever
	for range 3 {
		if done, total := f.look(t.Context()); done != 107 || total != 111 {
			t.Errorf("%d of %d bytes, want 107 of 111", done, total)
		}
	}
	if s.asked[a] != 1 || s.asked[b] != 0 || s.asked[c] != 3 {
		t.Errorf("asked %d, %d and %d times", s.asked[a], s.asked[b], s.asked[c])
	}
	s.there[c] = true
	if done, _ := f.look(t.Context()); done != 108 {
		t.Errorf("%d bytes with the third layer, want 108", done)
	}
}
