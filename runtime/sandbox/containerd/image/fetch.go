package image

import (
	"context"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// fetching tells how much of an image has come from its registry. The daemon's client does not say: the content store is
// asked what is there, and how much of what is on its way.
type fetching struct {
	store  content.Store
	told   *teller
	cancel context.CancelFunc
	over   chan struct{}

	mu     sync.Mutex
	layers map[digest.Digest]int64 // sizes; known once the manifest is there

	there map[digest.Digest]bool // layers that have come: they stay for as long as their image is fetched
}

func (s *Store) watchFetch(ctx context.Context, ref string, hear Hear) *fetching {
	f := &fetching{store: s.client.ContentStore(), told: s.tell(spec.PhasePull, ref, 0, hear), over: make(chan struct{}), layers: map[digest.Digest]int64{}, there: map[digest.Digest]bool{}}
	ctx, f.cancel = context.WithCancel(ctx)
	f.told.skip(0)
	go f.watch(ctx)
	return f
}

// end stops asking, and waits for it.
func (f *fetching) end() {
	f.cancel()
	<-f.over
}

// of takes note of the layers that a manifest names.
func (f *fetching) of(next images.Handler) images.Handler {
	return images.HandlerFunc(func(ctx context.Context, d ocispec.Descriptor) ([]ocispec.Descriptor, error) {
		children, err := next.Handle(ctx, d)
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, c := range children {
			if images.IsLayerType(c.MediaType) {
				f.layers[c.Digest] = c.Size
			}
		}
		return children, err
	})
}

func (f *fetching) watch(ctx context.Context) {
	defer close(f.over)
	tick := time.NewTicker(2 * hearEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		f.told.set(f.look(ctx))
	}
}

// look adds up the layers that are there and the parts of those on their way. The daemon is asked for no layer again that has
// come, and while it answers nobody waits who finds more layers.
func (f *fetching) look(ctx context.Context) (done, total int64) {
	f.mu.Lock()
	layers := maps.Clone(f.layers)
	f.mu.Unlock()
	coming := map[digest.Digest]int64{}
	if list, err := f.store.ListStatuses(ctx); err == nil { // not known: it counts once it is there
		for _, st := range list {
			if i := strings.Index(st.Ref, "sha256:"); i >= 0 {
				coming[digest.Digest(st.Ref[i:])] = st.Offset
			}
		}
	}
	for d, size := range layers {
		total += size
		if part, ok := coming[d]; ok {
			done += min(part, size)
		} else if f.has(ctx, d) {
			done += size
		}
	}
	return done, total
}

func (f *fetching) has(ctx context.Context, d digest.Digest) bool {
	if !f.there[d] {
		_, err := f.store.Info(ctx, d)
		f.there[d] = err == nil
	}
	return f.there[d]
}
