package rest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/experiments"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// tallies count what the arms of experiments have answered under their aliases. Each look reads the jobs that have come since
// the one before and those that were still open then, not all. The zero value is ready.
type tallies struct {
	mu sync.Mutex
	of map[string]*tally // by experiment
}

// tally is one experiment's.
type tally struct {
	created time.Time            // the experiment's: another one may get its name
	newest  time.Time            // when the latest job that was listed had been made
	recent  map[string]time.Time // jobs that may be listed once more, and when they were made
	open    map[string]int       // jobs that may still change, and the arm that they count for, or none
	arms    []armShared
	seconds []float64 // that completed jobs ran, by arm
}

const none = -1

const (
	// maxTraffic is how many jobs are looked through at once for what the arms have answered, the latest first.
	maxTraffic = 5000
	// maxOpen is how many jobs of an experiment are looked at again; what is beyond stays counted as it was.
	maxOpen = 500
	// skew is how far apart the clocks of machines that share a queue may be: jobs made so close to the latest are listed again.
	skew = time.Minute
)

// reader is what tallies read of the queue.
type reader interface {
	List(ctx context.Context, f jobs.Filter) ([]jobs.Job, error)
	Get(ctx context.Context, id string) (jobs.Job, error)
}

// count brings an experiment's tally up to now and gives a copy of its arms. What cannot be read now is counted next time.
func (t *tallies) count(ctx context.Context, in reader, e experiments.Experiment) []armShared {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.of[e.Name]
	if one == nil || !one.created.Equal(e.Created) {
		one = &tally{created: e.Created, recent: map[string]time.Time{}, open: map[string]int{}, arms: make([]armShared, len(e.Arms)), seconds: make([]float64, len(e.Arms))}
		if t.of == nil {
			t.of = map[string]*tally{}
		}
		t.of[e.Name] = one
	}
	one.again(ctx, in, e)
	one.list(ctx, in, e)
	return slices.Clone(one.arms)
}

// drop forgets an experiment.
func (t *tallies) drop(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.of, name)
}

// again looks at the jobs that were open. One that has been removed stays counted as it was.
func (t *tally) again(ctx context.Context, in reader, e experiments.Experiment) {
	for id, arm := range t.open {
		j, err := in.Get(ctx, id)
		if errdefs.IsNotFound(err) {
			delete(t.open, id)
		}
		if err != nil {
			continue
		}
		if arm != none { // it had not completed
			t.arms[arm].Jobs--
			t.arms[arm].Failed--
		}
		delete(t.open, id)
		t.note(e, j)
	}
}

// list looks at the jobs that have come since the last time, newest first.
func (t *tally) list(ctx context.Context, in reader, e experiments.Experiment) {
	since, f := e.Created, jobs.Filter{Model: e.Arms[0].Model, Limit: maxPage}
	if back := t.newest.Add(-skew); back.After(since) {
		since, f.Limit = back, defaultPage
	}
	for read := 0; read < maxTraffic; read += f.Limit {
		page, err := in.List(ctx, f)
		if err != nil || !t.take(e, page, since) || len(page) < f.Limit {
			break
		}
		f.Before = page[len(page)-1].ID
	}
	for id, made := range t.recent {
		if made.Before(t.newest.Add(-skew)) {
			delete(t.recent, id)
		}
	}
}

// take notes those of a page that are not known yet; false where it goes back beyond a time.
func (t *tally) take(e experiments.Experiment, page []jobs.Job, since time.Time) bool {
	for _, j := range page {
		if j.Created.Before(since) {
			return false
		}
		if _, known := t.recent[j.ID]; known {
			continue
		}
		t.recent[j.ID] = j.Created
		if j.Created.After(t.newest) {
			t.newest = j.Created
		}
		t.note(e, j)
	}
	return true
}

// note counts a job as it is now. One that has not completed may do so yet: even an ended one can be tried again.
func (t *tally) note(e experiments.Experiment, j jobs.Job) {
	if j.Qualifier != e.Traffic.Alias {
		return
	}
	arm := none
	if j.State.Ended() && j.State != jobs.Cancelled && j.Timing != nil {
		arm = slices.IndexFunc(e.Arms[:], func(a experiments.Arm) bool { return a.Version == j.Timing.Version })
	}
	if j.State != jobs.Completed && len(t.open) < maxOpen {
		t.open[j.ID] = arm
	}
	if arm == none {
		return
	}
	s := &t.arms[arm]
	s.Jobs++
	if j.State != jobs.Completed {
		s.Failed++
		return
	}
	s.Completed++
	t.seconds[arm] += j.Seconds()
	s.Mean = t.seconds[arm] / float64(s.Completed)
}
