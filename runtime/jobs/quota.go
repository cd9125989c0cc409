package jobs

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Quota is what one client may have. 0 is no limit. Nodes that share a queue each count what they have run since they
// started, and all that was there then.
type Quota struct {
	Queued  int     // jobs that wait
	Seconds float64 // that all attempts of jobs may run within a day of UTC, times the GPUs that they have
	Bytes   int64   // of clips that are kept
}

// ledger is what clients have used.
type ledger struct {
	submit sync.Mutex // one submission at a time is counted, where there is a limit of what waits

	mu      sync.Mutex
	day     time.Time
	seconds map[string]float64 // of the day
	bytes   map[string]int64
}

func newLedger() *ledger { return &ledger{seconds: map[string]float64{}, bytes: map[string]int64{}} }

// dayOf is the day of UTC of a moment.
func dayOf(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// ran counts an attempt that ended at a moment: the part of it that lies in the day of now, times its GPUs.
func (l *ledger) ran(j Job, ended, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn(now)
	if !j.Started.IsZero() && ended.After(l.day) {
		l.seconds[j.Client] += ended.Sub(later(j.Started, l.day)).Seconds() * float64(max(1, j.GPUs))
	}
}

// ranBefore counts all attempts that a record tells of, at a start: no more than fits between the day's beginning and the
// end of the last.
func (l *ledger) ranBefore(j Job, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn(now)
	end := now
	if j.State.Ended() {
		end = j.Finished
	}
	if seconds, gpus := j.Spent(); end.After(l.day) {
		l.seconds[j.Client] += min(max(seconds, gpus), end.Sub(later(j.Created, l.day)).Seconds()*float64(max(1, j.GPUs)))
	}
}

// turn begins another day.
func (l *ledger) turn(now time.Time) {
	if day := dayOf(now); !day.Equal(l.day) {
		l.day = day
		clear(l.seconds)
	}
}

// keeps counts bytes of clips; negative ones have gone.
func (l *ledger) keeps(client string, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bytes[client] += bytes; l.bytes[client] <= 0 {
		delete(l.bytes, client)
	}
}

func (l *ledger) used(client string, now time.Time) (seconds float64, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn(now)
	return l.seconds[client], l.bytes[client]
}

// recount reads what the store has, at a start. Without limits that ask for it nothing is read.
func (s *Service) recount(ctx context.Context) error {
	if s.cfg.Quota.Seconds <= 0 && s.cfg.Quota.Bytes <= 0 {
		return nil
	}
	now := s.clock()
	for before := ""; ; {
		page, err := s.deps.Store.List(ctx, Filter{States: []State{Queued, Completed, Failed, Cancelled, Dead}, Before: before, Limit: 1000})
		if err != nil || len(page) == 0 {
			return err
		}
		for _, j := range page {
			s.ledger.ranBefore(j, now)
			s.ledger.keeps(j.Client, kept(j))
		}
		before = page[len(page)-1].ID
	}
}

// kept is how many bytes of a job's clip are there.
func kept(j Job) int64 {
	if j.Result == nil || j.Result.Removed {
		return 0
	}
	return j.Result.bytes()
}

// within says whether a client may queue so many jobs more of a model. Its errors are ResourceExhausted and say when to ask
// again. unlock must be called once the jobs are in the store.
func (s *Service) within(ctx context.Context, fresh []Fresh) (unlock func(), err error) {
	client, q := fresh[0].Job.Client, s.cfg.Quota
	now := s.clock()
	seconds, bytes := s.ledger.used(client, now)
	switch {
	case q.Seconds > 0 && seconds >= q.Seconds:
		return nil, over(dayOf(now).Add(24*time.Hour).Sub(now), "%s has used the %.0f seconds of computing that a client may use in a day", client, q.Seconds)
	case q.Bytes > 0 && bytes >= q.Bytes:
		return nil, over(time.Hour, "%s keeps %d bytes of clips and may keep %d: remove some, with DELETE and ?purge=true", client, bytes, q.Bytes)
	}
	model := fresh[0].Job.Model // a submission is of one
	m, err := s.deps.Models.Model(ctx, model)
	if err != nil {
		return nil, err
	}
	if q.Queued <= 0 && m.MaxJobs <= 0 {
		return func() {}, nil
	}
	s.ledger.submit.Lock()
	if q.Queued > 0 {
		err = s.fewer(ctx, Filter{Client: client}, q.Queued, len(fresh), "client "+client)
	}
	if err == nil && m.MaxJobs > 0 {
		err = s.fewer(ctx, Filter{Model: model}, m.MaxJobs, len(fresh), "model "+model)
	}
	if err != nil {
		s.ledger.submit.Unlock()
		return nil, err
	}
	return s.ledger.submit.Unlock, nil
}

// fewer says whether so many more jobs may wait.
func (s *Service) fewer(ctx context.Context, f Filter, most, more int, whose string) error {
	f.States, f.Limit = []State{Queued}, most+1
	waiting, err := s.deps.Store.List(ctx, f)
	if err == nil && len(waiting)+more > most {
		err = over(5*time.Second, "%d jobs of %s wait, and %d may: wait until some have run", len(waiting), whose, most)
	}
	return err
}

func over(after time.Duration, format string, args ...any) error {
	return &spec.RetryError{After: after, Err: fmt.Errorf(format+": %w", append(args, errdefs.ErrResourceExhausted)...)}
}
