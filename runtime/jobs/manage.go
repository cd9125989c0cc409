package jobs

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/containerd/errdefs"
)

// Get reads one job.
func (s *Service) Get(ctx context.Context, id string) (Job, error) {
	j, err := s.deps.Store.Get(ctx, id)
	if errdefs.IsNotFound(err) {
		return Job{}, notFound(id)
	}
	return j, err
}

// List gives one page of jobs. One with f.Prompt looks through the others page by page; the caller's ctx bounds it.
func (s *Service) List(ctx context.Context, f Filter) ([]Job, error) {
	if f.Prompt == "" {
		return s.deps.Store.List(ctx, f)
	}
	want, most := strings.ToLower(f.Prompt), f.Limit
	if most == 0 {
		most = 50
	}
	f.Limit = searchPage
	var found []Job
	for {
		page, err := s.deps.Store.List(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, j := range page {
			if strings.Contains(strings.ToLower(j.Prompt()), want) {
				if found = append(found, j); len(found) == most {
					return found, nil
				}
			}
		}
		if len(page) < searchPage {
			return found, nil
		}
		f.Before = page[len(page)-1].ID
	}
}

// searchPage is how many jobs a search reads at once.
const searchPage = 500

// Tally gives what has been counted of a model; "" is all.
func (s *Service) Tally(ctx context.Context, model string) (Tally, error) {
	return s.deps.Store.Tally(ctx, model)
}

// Load counts a model's queued and running jobs; "" is all.
func (s *Service) Load(ctx context.Context, model string) (queued, running int, err error) {
	return s.deps.Store.Load(ctx, model)
}

// Cancel ends a queued job at once and asks the node that runs a running one to end it; an ended job stays as it is.
func (s *Service) Cancel(ctx context.Context, id string) (Job, error) {
	var was State
	j, err := s.mutate(ctx, id, func(j *Job) bool {
		switch was = j.State; was {
		case Queued:
			*j = end(*j, Cancelled, s.clock())
			return true
		case Running:
			asked := !j.CancelAsked
			j.CancelAsked = true
			return asked
		}
		return false
	})
	if errdefs.IsNotFound(err) {
		return Job{}, notFound(id)
	}
	if err != nil {
		return Job{}, err
	}
	if was == Queued {
		s.settled(ctx, j)
	}
	s.mu.Lock()
	a := s.running[id]
	s.mu.Unlock()
	if a != nil && was == Running {
		a.cancel(errCancelled)
	}
	return j, nil
}

// Retry queues an ended job that did not complete again, with all its attempts.
func (s *Service) Retry(ctx context.Context, id string) (Job, error) {
	unlock, err := s.mayRetry(ctx, id)
	if err != nil {
		return Job{}, err
	}
	defer unlock()
	var was State
	j, err := s.mutate(ctx, id, func(j *Job) bool {
		if was = j.State; was == Completed || !was.Ended() {
			return false
		}
		*j = s.again(*j)
		return true
	})
	if errdefs.IsNotFound(err) {
		return Job{}, notFound(id)
	}
	if err == nil && (was == Completed || !was.Ended()) {
		return Job{}, fmt.Errorf("job %s is %s: only a failed, dead or cancelled job can be retried: %w", id, was, errdefs.ErrFailedPrecondition)
	}
	if err == nil {
		s.announce(ctx, j)
		s.nudge()
	}
	return j, err
}

// mayRetry asks for room as for a job that is submitted: a client's limits hold however jobs come to wait. unlock must be
// called once the job waits.
func (s *Service) mayRetry(ctx context.Context, id string) (unlock func(), err error) {
	j, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if j.State == Completed || !j.State.Ended() {
		return func() {}, nil // Retry says that it cannot be
	}
	if err := s.admit(ctx, 1); err != nil {
		return nil, err
	}
	return s.within(ctx, []Fresh{{Job: j}})
}

// Prioritize gives a waiting job another priority: it keeps its time of submission, so that it takes its place among those
// that have this priority already. A job that runs or has ended is FailedPrecondition.
func (s *Service) Prioritize(ctx context.Context, id string, p Priority) (Job, error) {
	var was State
	changed := false
	j, err := s.mutate(ctx, id, func(j *Job) bool {
		was, changed = j.State, j.State == Queued && j.Priority != p
		j.Priority = p
		return changed
	})
	switch {
	case errdefs.IsNotFound(err):
		return Job{}, notFound(id)
	case err != nil:
		return Job{}, err
	case was != Queued:
		return Job{}, fmt.Errorf("job %s is %s: only a job that waits can be given another priority: %w", id, was, errdefs.ErrFailedPrecondition)
	case changed:
		s.mu.Lock()
		s.places.places = nil // where everybody stands is told anew
		s.mu.Unlock()
		s.announce(ctx, j)
		s.nudge()
	}
	return j, nil
}

func (s *Service) again(j Job) Job {
	now := s.clock()
	span := s.cfg.Deadline
	if !j.Deadline.IsZero() {
		span = j.Deadline.Sub(j.Created)
	}
	j.Attempts, j.Interruptions, j.CancelAsked, j.Problem, j.Took = 0, 0, false, nil, 0
	j.Started, j.Finished, j.Deadline = time.Time{}, time.Time{}, stamp(now.Add(span))
	if j.Hook != nil {
		j.Hook = &Hook{URL: j.Hook.URL}
	}
	return requeue(j, now, "queued again by request")
}

// Purge removes an ended job and its result.
func (s *Service) Purge(ctx context.Context, id string) error {
	j, err := s.Get(ctx, id)
	if err != nil {
		return err
	}
	if !j.State.Ended() {
		return fmt.Errorf("job %s is %s: cancel it before removing it: %w", id, j.State, errdefs.ErrFailedPrecondition)
	}
	return s.purge(ctx, j)
}

// Open gives a completed job's file; the caller closes it.
func (s *Service) Open(ctx context.Context, id string) (*os.File, Job, error) {
	j, err := s.Get(ctx, id)
	if err != nil {
		return nil, Job{}, err
	}
	if j.State != Completed || j.Result == nil {
		return nil, j, fmt.Errorf("job %s is %s: its clip can be fetched once it is completed: %w", id, j.State, errdefs.ErrFailedPrecondition)
	}
	if j.Result.Removed {
		return nil, j, fmt.Errorf("the clip of job %s was removed by retention: generate it again with the same seed: %w", id, errdefs.ErrNotFound)
	}
	f, err := s.out.open(*j.Result)
	return f, j, err
}

// OpenPiece gives the file of one piece of a completed job, and the job as if that were its clip.
func (s *Service) OpenPiece(ctx context.Context, id, name string) (*os.File, Job, error) {
	f, j, err := s.Open(ctx, id)
	if err != nil {
		return nil, j, err
	}
	f.Close()
	one, ok := j.Result.Piece(name)
	if !ok {
		return nil, j, fmt.Errorf("job %s has no piece %.40q: its result lists those there are: %w", id, name, errdefs.ErrNotFound)
	}
	j.Result = &one
	f, err = s.out.open(one)
	return f, j, err
}

// Full tells whether the disk of results is full, so that jobs wait.
func (s *Service) Full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.full
}
