package image

import (
	"io"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Progress is told how much of an image has been unpacked, in bytes of its packed layers. It is called often, from one
// goroutine at a time.
type Progress func(done, total int64)

type teller struct {
	to          Progress
	done, total int64
}

func (s *Store) tell(layers []ocispec.Descriptor) *teller {
	t := &teller{to: s.Progress}
	for _, l := range layers {
		t.total += l.Size
	}
	t.skip(0)
	return t
}

func (t *teller) skip(n int64) {
	t.done += n
	if t.to != nil {
		t.to(t.done, t.total)
	}
}

// of counts what is read.
func (t *teller) of(r io.Reader) io.Reader { return &told{t, r} }

type told struct {
	t *teller
	r io.Reader
}

func (c *told) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.t.skip(int64(n))
	return n, err
}
