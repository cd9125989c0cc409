package jobs

import (
	"context"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// seedMeasured starts from the clips that the store has, and from what it has counted where retention took them.
func (s *Service) seedMeasured(ctx context.Context) {
	models, err := s.deps.Models.Models(ctx)
	if err != nil {
		return // no expectation until jobs have been measured
	}
	for _, m := range models {
		had := &measured{}
		if t, err := s.deps.Store.Tally(ctx, m.Name); err == nil && t.Completed > 0 {
			had.mean = t.Seconds / float64(t.Completed)
		}
		last, err := s.deps.Store.List(ctx, Filter{Model: m.Name, States: []State{Completed}, Limit: sampled})
		for i := len(last) - 1; err == nil && i >= 0; i-- { // the oldest first
			had.add(last[i])
		}
		s.measured[m.Name] = had
	}
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
	places := s.cfg.Policy.Plan(waiting, s.remaining(), facts, s.expected(ctx, waiting))
	return places, time.Since(began)
}

// expected gives what each of the waiting jobs should take. How much there is to do for a job is kept as long as it waits.
func (s *Service) expected(ctx context.Context, waiting []Entry) func(h Head, cold bool) time.Duration {
	s.mu.Lock()
	kept := s.works
	s.mu.Unlock()
	works := make(map[string]float64, len(waiting))
	for _, e := range waiting {
		work, known := kept[e.ID]
		if !known {
			j, err := s.deps.Store.Get(ctx, e.ID)
			if err != nil {
				continue // it has gone, or is asked for again
			}
			work = j.Work
		}
		works[e.ID] = work
	}
	s.mu.Lock()
	s.works = works
	s.mu.Unlock()
	return func(h Head, cold bool) time.Duration { return s.expectation(h.Model, works[h.ID], cold) }
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

// left expects the rest of a running job: at its beginning from what clips like it took, and the further it comes from its own steps;
// negative: not known, as when it takes longer than those.
func (s *Service) left(a *attempt) time.Duration {
	now := s.clock()
	a.mu.Lock()
	left, share, ok := a.pace.left(now)
	begun, work := later(a.job.Started, a.begun), a.job.Work
	a.mu.Unlock()
	before := s.expectation(a.group.Model, work, false) - now.Sub(begun)
	switch {
	case ok && before > 0:
		return before + time.Duration(share*float64(left-before))
	case ok:
		return left
	case before > 0:
		return before
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
