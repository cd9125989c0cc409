package jobs

import (
	"context"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// means holds each model's measured seconds per completed job: an average that follows, new ones weighing 0.3.
type means map[string]float64

func (m means) add(model string, seconds float64) {
	if old, ok := m[model]; ok {
		seconds = old + 0.3*(seconds-old)
	}
	m[model] = seconds
}

// seedMeans starts from what the store has counted.
func (s *Service) seedMeans(ctx context.Context) {
	models, err := s.deps.Models.Models(ctx)
	if err != nil {
		return // no expectation until jobs have been measured
	}
	for _, m := range models {
		if t, err := s.deps.Store.Tally(ctx, m.Name); err == nil && t.Completed > 0 {
			s.means[m.Name] = t.Seconds / float64(t.Completed)
		}
	}
}

// mean is a model's measured time per job; 0: unknown.
func (s *Service) mean(model string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Duration(s.means[model] * float64(time.Second))
}

// planCache holds the latest plan. It is made again when somebody asks and it is older than a second and than ten times
// what making it took, so that watchers of a long queue cost a bounded share of one core.
type planCache struct {
	places map[string]Place
	made   time.Time
	cost   time.Duration
	making bool
}

const (
	maxPlanned = 20_000
	planAtOnce = 200 // a queue up to this long is planned while the asker waits, a longer one behind its back
)

// Place gives a queued job's position and expected times; false when the plan does not have it (yet).
func (s *Service) Place(ctx context.Context, id string) (Place, bool) {
	if s.planDue(id) {
		n, err := s.deps.Store.Queued(ctx)
		if err == nil && n <= planAtOnce {
			s.replan(ctx)
		} else {
			s.runs.Go(func() { s.replan(s.ctx) })
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.places.places[id]
	return p, ok
}

// planDue tells whether to plan now, and if so promises that the caller does.
func (s *Service) planDue(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.places
	age := time.Since(c.made)
	_, known := c.places[id]
	due := c.places == nil || age > max(time.Second, 10*c.cost) || !known && age > 10*c.cost && len(c.places) < planAtOnce
	if !due || c.making || s.draining {
		return false
	}
	c.making = true
	return true
}

func (s *Service) replan(ctx context.Context) {
	places, cost := s.plan(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.places = planCache{places: places, made: time.Now(), cost: cost}
}

func (s *Service) plan(ctx context.Context) (map[string]Place, time.Duration) {
	began := time.Now()
	waiting, err := s.deps.Store.Waiting(ctx, maxPlanned)
	if err != nil {
		return map[string]Place{}, time.Since(began)
	}
	facts, err := s.facts(ctx)
	if err != nil {
		return map[string]Place{}, time.Since(began)
	}
	places := s.cfg.Policy.Plan(waiting, s.remaining(), facts, s.mean)
	return places, time.Since(began)
}

func (s *Service) remaining() []Remaining {
	s.mu.Lock()
	all := make([]*attempt, 0, len(s.running))
	for _, a := range s.running {
		all = append(all, a)
	}
	s.mu.Unlock()
	out := make([]Remaining, len(all))
	for i, a := range all {
		out[i] = Remaining{a.group, s.left(a)}
	}
	return out
}

// left expects the rest of a running job: from the steps of its phase, else from its model's mean; negative: not known,
// as when it takes longer than the mean.
func (s *Service) left(a *attempt) time.Duration {
	now := s.clock()
	a.mu.Lock()
	left, ok := a.pace.left(now)
	elapsed := now.Sub(a.job.Started)
	a.mu.Unlock()
	if ok {
		return left
	}
	if m := s.mean(a.group.Model); m > elapsed {
		return m - elapsed
	}
	return -1
}

// Left is how much longer a job that runs on this node should take.
func (s *Service) Left(id string) (time.Duration, bool) {
	s.mu.Lock()
	a := s.running[id]
	s.mu.Unlock()
	if a == nil {
		return 0, false
	}
	d := s.left(a)
	return d, d >= 0
}

// Progress is what a job that runs on this node last said.
func (s *Service) Progress(id string) (spec.Progress, bool) {
	s.mu.Lock()
	a := s.running[id]
	s.mu.Unlock()
	if a == nil {
		return spec.Progress{}, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.progress, true
}

// Preview is a small picture of a running job's clip in the making. Number counts those of the attempt; 0: none.
type Preview struct {
	Number int
	Image  []byte // JPEG or PNG; not changed
}

// Preview is the latest picture of a job that runs on this node.
func (s *Service) Preview(id string) Preview {
	s.mu.Lock()
	a := s.running[id]
	s.mu.Unlock()
	if a == nil {
		return Preview{}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.shown
}

// Until gives the seconds from now to t, not below zero; nil for the zero time.
func (s *Service) Until(t time.Time) *float64 {
	if t.IsZero() {
		return nil
	}
	sec := max(0, t.Sub(s.clock()).Seconds())
	return &sec
}
