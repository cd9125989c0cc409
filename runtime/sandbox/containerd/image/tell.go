package image

import (
	"io"
	"log/slog"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Progress is told how much of an image has been unpacked, in bytes of its packed layers. It is called often, from one
// goroutine at a time.
type Progress func(done, total int64)

// tellEvery is how often the log tells of an image that takes its time.
const tellEvery = 2 * time.Second

type teller struct {
	to          Progress
	log         *slog.Logger
	name        string
	last        time.Time
	done, total int64
}

func (s *Store) tell(name string, layers []ocispec.Descriptor) *teller {
	t := &teller{to: s.Progress, log: s.log, name: name, last: time.Now()}
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
	if now := time.Now(); now.Sub(t.last) >= tellEvery {
		t.last = now
		t.log.Info("unpacking an image", "name", t.name, "done", t.done, "total", t.total)
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
