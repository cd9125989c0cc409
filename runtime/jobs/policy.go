package jobs

import (
	"strings"
	"time"
)

// Policy is how the next job is chosen. Zero fields take the default.
type Policy struct {
	AgeAfter  time.Duration // a group that got no turn for this long rises one priority; default 5m
	ModelWait time.Duration // how long jobs of one model may hold back a ready one of another; default 5m
	Models    int           // models that run at once on this node; default 1
	Slots     int           // jobs that run at once on this node; default 16
	PerClient int           // jobs of one client that run at once on this node; 0: no limit
}

// WithDefaults fills in what is zero.
func (p Policy) WithDefaults() Policy {
	p.AgeAfter = orDefault(p.AgeAfter, 5*time.Minute)
	p.ModelWait = orDefault(p.ModelWait, 5*time.Minute)
	p.Models = orDefault(p.Models, 1)
	p.Slots = orDefault(p.Slots, 16)
	return p
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// Facts is what the choice depends on besides the queue. The maps may be nil.
type Facts struct {
	Now         time.Time
	Running     []Group              // one entry per running job on this node
	Concurrency map[string]int       // per model; a model that is absent cannot run; nil: 1 each
	Warm        map[string]bool      // models with an instance up here
	GroupTurn   map[Group]time.Time  // when a job of the group last started
	ModelTurn   map[string]time.Time // when a job of the model last started
	ClientTurn  map[string]time.Time // when a job of the client last started
	Elsewhere   map[string]bool      // models that are warm on another node with room, and cold here
	Yield       time.Duration        // how long a job is left to such a node
}

// Choose gives the head to start next, or false when none may start now. In order: a model that has been held back for
// longer than ModelWait; the higher priority, aged; the model that runs already or is warm, so that models are not
// swapped back and forth; the client with the fewest running jobs, then the one whose turn is longest ago; the oldest job.
//
// Age is the time since a group's last turn, not since a job came: a client with a long backlog does not rise above the
// others by it, and nobody starves.
func (p Policy) Choose(heads []Head, f Facts) (Head, bool) {
	if len(f.Running) >= p.Slots {
		return Head{}, false
	}
	models, clients := f.load()
	late, anyLate := p.late(heads, f, models)
	var best candidate
	found := false
	for _, h := range heads {
		if models[h.Model] >= f.limit(h.Model) || f.yields(h) || p.PerClient > 0 && clients[h.Client] >= p.PerClient {
			continue
		}
		if models[h.Model] == 0 && len(models) >= p.Models {
			continue
		}
		if anyLate && h.Model != late && len(models) >= p.Models && models[late] == 0 {
			continue // let the running model drain, so that the late one gets its place
		}
		c := candidate{
			Head: h, late: anyLate && h.Model == late, level: p.level(h, f),
			here: models[h.Model] > 0, warm: f.Warm[h.Model], last: f.ModelTurn[h.Model],
			running: clients[h.Client], turn: f.ClientTurn[h.Client],
		}
		if !found || c.before(best) {
			best, found = c, true
		}
	}
	return best.Head, found
}

// room tells whether any job at all could start; false spares reading the queue.
func (p Policy) room(f Facts) bool {
	if len(f.Running) >= p.Slots {
		return false
	}
	models, _ := f.load()
	for name, limit := range f.Concurrency {
		if n := models[name]; n < limit && (n > 0 || len(models) < p.Models) {
			return true
		}
	}
	return f.Concurrency == nil
}

// late gives the cold model that has been held back longest beyond ModelWait.
func (p Policy) late(heads []Head, f Facts, models map[string]int) (string, bool) {
	name, since, found := "", f.Now.Add(-p.ModelWait), false
	for _, h := range heads {
		if !found && !h.Created.Before(since) {
			continue
		}
		t := later(h.Created, f.ModelTurn[h.Model])
		if models[h.Model] == 0 && f.limit(h.Model) > 0 && !f.yields(h) && (t.Before(since) || found && t.Equal(since) && h.Model < name) {
			name, since, found = h.Model, t, true
		}
	}
	return name, found
}

func (p Policy) level(h Head, f Facts) int {
	age := f.Now.Sub(later(h.Created, f.GroupTurn[h.Group]))
	return min(int(High), int(h.Priority)+int(max(0, age)/p.AgeAfter))
}

func (f Facts) load() (models, clients map[string]int) {
	models, clients = map[string]int{}, map[string]int{}
	for _, g := range f.Running {
		models[g.Model]++
		clients[g.Client]++
	}
	return models, clients
}

func (f Facts) limit(model string) int {
	if f.Concurrency == nil {
		return 1
	}
	return f.Concurrency[model]
}

func (f Facts) yields(h Head) bool {
	return f.Elsewhere[h.Model] && f.Now.Sub(h.Created) < f.Yield
}

type candidate struct {
	Head
	late       bool
	level      int
	here, warm bool
	last       time.Time
	running    int
	turn       time.Time
}

func (c candidate) before(o candidate) bool {
	switch {
	case c.late != o.late:
		return c.late
	case c.level != o.level:
		return c.level > o.level
	case c.here != o.here:
		return c.here
	case c.warm != o.warm:
		return c.warm
	case c.Model != o.Model && !c.last.Equal(o.last):
		return c.last.After(o.last) // the one used latest: most likely still in memory
	case c.running != o.running:
		return c.running < o.running
	case !c.turn.Equal(o.turn):
		return c.turn.Before(o.turn)
	case c.ID != o.ID:
		return c.ID < o.ID
	}
	return strings.Compare(c.Client, o.Client) < 0
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
