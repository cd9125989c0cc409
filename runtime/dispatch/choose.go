package dispatch

import (
	"slices"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// again is after how many starts the slower way is measured once more, unless it is hopeless.
const again = 10

// starts remembers how long the last starts of each kind took. Guarded by the pool's mutex.
type starts struct{ plain, restore window }

// window holds the last samples.
type window struct {
	all  [16]time.Duration
	seen int
}

func (w *window) add(d time.Duration) {
	w.all[w.seen%len(w.all)] = d
	w.seen++
}

// median is 0 before the first sample.
func (w *window) median() time.Duration {
	n := min(w.seen, len(w.all))
	if n == 0 {
		return 0
	}
	s := slices.Clone(w.all[:n])
	slices.Sort(s)
	return s[n/2]
}

// faster is the way with the lower median; "" while one of them has not been measured.
func (s *starts) faster() string {
	plain, restore := s.plain.median(), s.restore.median()
	switch {
	case plain == 0 || restore == 0:
		return ""
	case restore < plain:
		return "snapshot"
	}
	return "plain"
}

// choice says how the next instance should start when there is a snapshot: first once each way, then the way with the
// lower median. Every so often the slower way is measured again, unless it takes more than twice as long.
func (s *starts) choice(fn *spec.Function) string {
	plain, restore := s.plain.median(), s.restore.median()
	faster, slower := "plain", "snapshot"
	if restore < plain {
		faster, slower = slower, faster
	}
	switch {
	case fn.Snapshot == "always":
		return "snapshot"
	case fn.Snapshot == "off" || s.plain.seen == 0:
		return "plain"
	case s.restore.seen == 0:
		return "snapshot"
	case (s.plain.seen+s.restore.seen)%again == 0 && max(plain, restore) <= 2*min(plain, restore):
		return slower
	}
	return faster
}

// snapshot gives the checkpoint to start from on these GPUs, if that is the choice.
func (p *pool) snapshot(fn spec.Function, gpus []string) (dir string, ok bool) {
	if p.d.cfg.Snapshots == nil || fn.Snapshot == "off" {
		return "", false
	}
	if dir, ok = p.d.cfg.Snapshots.Lookup(fn, gpus); !ok {
		return "", false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return dir, p.starts.choice(&fn) == "snapshot"
}

// note remembers how long a start took.
func (p *pool) note(by string, took time.Duration) {
	p.meter().Started(p.name, by, took)
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.starts.faster()
	if by == "snapshot" {
		p.starts.restore.add(took)
	} else {
		p.starts.plain.add(took)
	}
	if now := p.starts.faster(); now != before && p.fn.Snapshot != "always" && p.fn.Snapshot != "off" {
		p.d.cfg.Log.Info("instances start the faster way from now on", "function", p.name, "version", p.fn.Version, "way", now,
			"plain", p.starts.plain.median(), "snapshot", p.starts.restore.median())
	}
}

// cold is how long a start takes, by the faster way measured so far; 0 before any.
func (s *starts) cold() time.Duration {
	a, b := s.plain.median(), s.restore.median()
	if a == 0 || (b > 0 && b < a) {
		return b
	}
	return a
}
