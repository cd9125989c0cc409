package image

import (
	"io"
	"log/slog"
	"sync"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// How often listeners, and the log, hear of an image that takes its time. What begins is told at once.
const (
	hearEvery = 250 * time.Millisecond
	logEvery  = 2 * time.Second
)

// teller counts the bytes of one phase. What unpacks may read in a goroutine of its own.
type teller struct {
	hear Hear
	log  *slog.Logger
	name string

	mu            sync.Mutex // held while they hear: in order
	heard, logged time.Time
	at            spec.StartStep
}

func (s *Store) tell(phase, name string, total int64, hear Hear) *teller {
	if hear == nil {
		hear = func(spec.StartStep) {}
	}
	return &teller{hear: hear, log: s.log, name: name, logged: time.Now(), at: spec.StartStep{Phase: phase, Total: total}}
}

func sizes(layers []ocispec.Descriptor) (sum int64) {
	for _, l := range layers {
		sum += l.Size
	}
	return sum
}

// step begins one of several steps.
func (t *teller) step(n, of int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at.Step, t.at.Steps = n, of
	t.say(time.Now())
}

// skip counts bytes; the first and the last ones are told at once.
func (t *teller) skip(n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.add(n)
}

// set says how many bytes there are by now, and in all.
func (t *teller) set(done, total int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at.Total = total
	t.add(max(0, done-t.at.Done))
}

func (t *teller) add(n int64) {
	t.at.Done += n
	now := time.Now()
	if now.Sub(t.heard) >= hearEvery || t.at.Done >= t.at.Total && n > 0 {
		t.say(now)
	}
	if now.Sub(t.logged) >= logEvery {
		t.logged = now
		t.log.Info("bringing an image", "phase", t.at.Phase, "name", t.name, "done", t.at.Done, "total", t.at.Total)
	}
}

func (t *teller) say(now time.Time) {
	t.heard = now
	t.hear(t.at)
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
