package jobs

import (
	"maps"
	"slices"
	"time"
)

// Place is where a queued job stands: Position 1 starts next. Start and End are expectations from measured times; zero
// when nothing has been measured of a model ahead of it.
type Place struct {
	Position   int
	Start, End time.Time
}

// Remaining is how much longer a running job of a group is expected to take; negative: unknown.
type Remaining struct {
	Group
	Left time.Duration
}

// Plan plays the queue forward under the policy: each running job ends when it is expected to, each end lets Choose pick
// again. expect gives what a job should take, with cold also the start of its model; 0: unknown, for which the plan assumes one minute and
// withholds times.
func (p Policy) Plan(waiting []Entry, running []Remaining, f Facts, expect func(h Head, cold bool) time.Duration) map[string]Place {
	s := newSimulation(waiting, running, f, expect)
	for n := 1; len(s.heads) > 0; {
		h, ok := p.Choose(s.heads, s.facts)
		if !ok {
			if !s.advance() {
				break
			}
			continue
		}
		s.start(h, n)
		n++
	}
	return s.places
}

const unknownTime = time.Minute

type simulation struct {
	facts  Facts
	expect func(Head, bool) time.Duration
	queues map[Group][]Entry
	heads  []Head
	ends   []simEnd // running jobs by time of end
	places map[string]Place
	known  bool // no unknown time has entered the schedule yet
}

type simEnd struct {
	at    time.Time
	group Group
}

func newSimulation(waiting []Entry, running []Remaining, f Facts, expect func(Head, bool) time.Duration) *simulation {
	s := &simulation{facts: f, expect: expect, queues: map[Group][]Entry{}, places: make(map[string]Place, len(waiting)), known: true}
	s.facts.Yield = 0
	s.facts.GroupTurn, s.facts.ModelTurn = cloneMap(f.GroupTurn), cloneMap(f.ModelTurn)
	s.facts.ClientTurn, s.facts.Running = cloneMap(f.ClientTurn), nil
	s.facts.Warm = cloneMap(f.Warm)
	for _, r := range running {
		left := r.Left
		if left < 0 {
			left, s.known = unknownTime, false
		}
		s.run(simEnd{f.Now.Add(left), r.Group})
	}
	for _, e := range waiting {
		s.queues[e.Group] = append(s.queues[e.Group], e)
	}
	for g, q := range s.queues {
		s.heads = append(s.heads, head(g, q[0]))
	}
	slices.SortFunc(s.heads, func(a, b Head) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return s
}

func head(g Group, e Entry) Head { return Head{Group: g, ID: e.ID, Created: e.Ready} }

func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return maps.Clone(m)
}

func (s *simulation) run(e simEnd) {
	i, _ := slices.BinarySearchFunc(s.ends, e, func(a, b simEnd) int { return a.at.Compare(b.at) })
	s.ends = slices.Insert(s.ends, i, e)
	s.facts.Running = append(s.facts.Running, e.group)
}

// advance moves to the next end of a running job; false when nothing runs, so that nothing can change.
func (s *simulation) advance() bool {
	if len(s.ends) == 0 {
		return false
	}
	e := s.ends[0]
	s.ends = s.ends[1:]
	s.facts.Now = later(s.facts.Now, e.at)
	i := slices.Index(s.facts.Running, e.group)
	s.facts.Running = slices.Delete(s.facts.Running, i, i+1)
	return true
}

func (s *simulation) start(h Head, position int) {
	now, d := s.facts.Now, s.expect(h, !s.facts.Warm[h.Model])
	if d <= 0 {
		d, s.known = unknownTime, false
	}
	pl := Place{Position: position}
	if s.known {
		pl.Start, pl.End = now, now.Add(d)
	}
	s.places[h.ID] = pl
	s.facts.GroupTurn[h.Group], s.facts.ModelTurn[h.Model], s.facts.ClientTurn[h.Client] = now, now, now
	s.facts.Warm[h.Model] = true
	s.run(simEnd{now.Add(d), h.Group})
	s.pop(h.Group)
}

func (s *simulation) pop(g Group) {
	q := s.queues[g][1:]
	s.queues[g] = q
	i := slices.IndexFunc(s.heads, func(h Head) bool { return h.Group == g })
	if len(q) == 0 {
		s.heads = slices.Delete(s.heads, i, i+1)
		return
	}
	s.heads[i] = head(g, q[0])
}
