package rest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/experiments"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// shelfOf is a store's records, oldest first, that counts how many are read.
type shelfOf struct {
	all  []jobs.Job
	read int
}

func (s *shelfOf) Get(_ context.Context, id string) (jobs.Job, error) {
	s.read++
	if i := s.at(id); i >= 0 {
		return s.all[i], nil
	}
	return jobs.Job{}, fmt.Errorf("no job %s: %w", id, errdefs.ErrNotFound)
}

func (s *shelfOf) at(id string) int {
	return slices.IndexFunc(s.all, func(j jobs.Job) bool { return j.ID == id })
}

func (s *shelfOf) List(_ context.Context, f jobs.Filter) (page []jobs.Job, err error) {
	for _, j := range slices.Backward(s.all) {
		if len(page) < f.Limit && (f.Before == "" || j.ID < f.Before) {
			page = append(page, j)
		}
	}
	s.read += len(page)
	return page, nil
}

var dawn = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// add makes the n-th job, a second after the one before it, which runs two.
func (s *shelfOf) add(n int, state jobs.State, version string) {
	made := dawn.Add(time.Duration(n) * time.Second)
	s.all = append(s.all, jobs.Job{ID: fmt.Sprintf("%06d", n), Created: made, Model: "m", Qualifier: "live", State: state,
		Started: made, Finished: made.Add(2 * time.Second), Timing: &jobs.Timing{Version: version}})
}

func ofTwo(created time.Time) experiments.Experiment {
	return experiments.Experiment{Name: "ab", Created: created, Arms: [2]experiments.Arm{{Model: "m", Version: "1"}, {Model: "m", Version: "2"}}, Traffic: &experiments.Traffic{Alias: "live"}}
}

// TestATallyReadsWhatIsNew: a look at an experiment of thousands of jobs reads the last minute's, whatever is asked how often.
func TestATallyReadsWhatIsNew(t *testing.T) {
	s, e := &shelfOf{}, ofTwo(dawn.Add(10*time.Second))
	for n := range 4000 {
		s.add(n, jobs.Completed, fmt.Sprint(1+n%2))
	}
	var all tallies
	if got := all.count(t.Context(), s, e); got[0].Completed != 1995 || got[1].Jobs != 1995 || got[0].Mean != 2 || got[0].Failed != 0 {
		t.Fatalf("%+v", got)
	}
	s.read = 0
	for n := range 300 {
		s.add(4000+n, jobs.Completed, "2")
	}
	if got := all.count(t.Context(), s, e); got[0].Jobs != 1995 || got[1].Jobs != 2295 {
		t.Fatalf("%+v", got)
	}
	for range 10 {
		all.count(t.Context(), s, e)
	}
	if most := 300 + 12*2*defaultPage; s.read > most {
		t.Errorf("%d records were read, want at most %d", s.read, most)
	}
	if got := all.count(t.Context(), s, ofTwo(dawn.Add(4299*time.Second))); got[1].Jobs != 1 || got[0].Jobs != 0 {
		t.Errorf("another experiment of the same name has %+v", got)
	}
}

// TestATallyFollowsJobs that were running, failed and were tried again, were cancelled, or are gone.
func TestATallyFollowsJobs(t *testing.T) {
	s, e := &shelfOf{}, ofTwo(dawn)
	for n, state := range []jobs.State{jobs.Running, jobs.Failed, jobs.Dead, jobs.Cancelled, jobs.Completed} {
		s.add(n, state, "1")
	}
	s.add(5, jobs.Completed, "3")
	s.all[5].Qualifier = "other"
	var all tallies
	counts := func(jobs, completed, failed int64) {
		t.Helper()
		if got := all.count(t.Context(), s, e); got[0].Jobs != jobs || got[0].Completed != completed || got[0].Failed != failed || got[1].Jobs != 0 {
			t.Errorf("%+v, want %d jobs, %d completed, %d failed", got, jobs, completed, failed)
		}
	}
	counts(3, 1, 2)
	counts(3, 1, 2)
	s.all[0].State, s.all[1].State = jobs.Completed, jobs.Queued
	counts(3, 2, 1)
	s.all[1].State, s.all[3].State = jobs.Completed, jobs.Completed
	counts(5, 4, 1)
	s.all = slices.Delete(s.all, 2, 3) // purged
	counts(5, 4, 1)
	s.all[0].Created = dawn.Add(-time.Hour)
	all.drop("ab")
	counts(3, 3, 0)
}
