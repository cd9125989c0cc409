package jobs

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// attempt is one run of one job on this node. It alone writes the job's record while its lease holds; others only ask
// it to cancel.
type attempt struct {
	s      *Service
	id     string
	token  int64
	group  Group
	cancel context.CancelCauseFunc
	begins Job           // the record at the beginning, for the goroutine that executes: the keeper writes its own meanwhile
	stream *growing      // of the goroutine that executes; nil: the clip comes as a whole
	show   *show         // that stream is part of
	poke   chan struct{} // asks the keeper to look at the record now
	timing *Timing       // of the answer; written by the one who runs it, before it settles

	mu       sync.Mutex
	job      Job // as last written or read
	progress spec.Progress
	pace     pace
	begun    time.Time // last known of the instance's start; zero: it was up
	shown    Preview
}

// begin runs a claimed job in a goroutine of its own.
func (s *Service) begin(j Job, g Group) {
	ctx, cancel := context.WithCancelCause(s.ctx)
	a := &attempt{s: s, id: j.ID, token: j.Token, group: g, cancel: cancel, poke: make(chan struct{}, 1), begins: j, job: j}
	s.mu.Lock()
	s.running[j.ID] = a
	s.turns.took(g, j.Started)
	s.runs.Add(1)
	s.mu.Unlock()
	s.announce(ctx, j)
	go func() {
		defer s.runs.Done()
		defer cancel(nil)
		a.run(ctx)
		s.mu.Lock()
		delete(s.running, j.ID)
		s.mu.Unlock()
		s.nudge()
	}()
}

func (a *attempt) run(ctx context.Context) {
	ctx, ended := a.s.deps.Trace.Attempt(ctx, a.begins)
	keeper := make(chan struct{})
	kctx, endKeeper := context.WithCancel(context.WithoutCancel(ctx))
	go func() { defer close(keeper); a.keep(kctx) }()
	o, file := a.execute(ctx)
	endKeeper()
	<-keeper
	a.settle(context.WithoutCancel(ctx), o, file)
	a.mu.Lock()
	defer a.mu.Unlock()
	ended(a.job)
}

// settle records how the attempt ended, trying for as long as the lease could hold; after that the job is somebody
// else's. A result that cannot be recorded is removed again: its record would not name it.
func (a *attempt) settle(ctx context.Context, o outcome, file *Result) {
	ctx, cancel := context.WithTimeout(ctx, a.s.cfg.Lease)
	defer cancel()
	for {
		now := a.s.clock()
		next, err := a.update(ctx, func(j *Job) {
			*j = settle(*j, o, a.s.cfg, now)
			j.Timing = a.timing
		})
		switch {
		case err == nil:
			a.s.ledger.ran(next, now, now)
			a.s.settled(ctx, next)
			return
		case errors.Is(err, errLost) && a.recorded(ctx, file):
			return
		case errors.Is(err, errLost):
			a.s.log.Warn("another node has taken a job over, its result is dropped here", "job", a.id)
			a.drop(file)
			a.s.shows.forget(a.id)
			return
		case ctx.Err() != nil:
			a.s.log.Error("how a job ended could not be recorded, it will be run again", "job", a.id, "error", err)
			return // the file stays: the write may have arrived; tidyOutputs knows
		}
		pause(ctx, 200*time.Millisecond)
	}
}

// recorded tells whether the record names this attempt's file: then an earlier write had arrived although its answer
// did not. Names carry the claim's token, so no other attempt can have put it there.
func (a *attempt) recorded(ctx context.Context, file *Result) bool {
	if file == nil {
		return false
	}
	for ctx.Err() == nil {
		j, err := a.s.deps.Store.Get(ctx, a.id)
		if err == nil {
			if j.Result == nil || j.Result.File != file.File {
				return false
			}
			a.s.ledger.ran(j, a.s.clock(), a.s.clock())
			a.s.settled(ctx, j)
			return true
		}
		if errdefs.IsNotFound(err) {
			return false
		}
		pause(ctx, 200*time.Millisecond)
	}
	return true // not known: tidyOutputs decides later, when the record can be read
}

func (a *attempt) drop(r *Result) {
	if err := a.s.out.remove(r); err != nil {
		a.s.log.Error("a result that is not wanted could not be removed", "job", a.id, "error", err)
	}
}

// keep renews the lease, stores progress and looks for a cancel. It looks at once: one that came between the claim and the
// moment from which others find the attempt on this node has been told to nobody.
func (a *attempt) keep(ctx context.Context) {
	tick := time.NewTicker(a.s.cfg.Lease / 3)
	defer tick.Stop()
	a.check(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.poke:
			a.check(ctx)
		case <-tick.C:
			a.renew(ctx)
		}
	}
}

func (a *attempt) look() {
	select {
	case a.poke <- struct{}{}:
	default:
	}
}

// check reads the record and acts on a cancel or a lost lease.
func (a *attempt) check(ctx context.Context) {
	j, err := a.s.deps.Store.Get(ctx, a.id)
	switch {
	case errdefs.IsNotFound(err) || err == nil && !a.owns(j):
		a.cancel(errLost)
	case err == nil && j.CancelAsked:
		a.cancel(errCancelled)
	}
}

func (a *attempt) renew(ctx context.Context) {
	_, err := a.update(ctx, func(j *Job) {
		l := *j.Lease
		l.Until = a.s.clock().Add(a.s.cfg.Lease)
		j.Lease, j.Progress = &l, a.progress
		j.Progress.Preview = nil
	})
	switch {
	case errors.Is(err, errLost):
		a.cancel(errLost)
	case err != nil && ctx.Err() == nil:
		a.s.log.Warn("a lease could not be renewed", "job", a.id, "error", err)
		a.giveUp()
	}
}

// giveUp ends the attempt when its lease has run out without a renewal: another node may run the job by now.
func (a *attempt) giveUp() {
	a.mu.Lock()
	until := a.job.Lease.Until
	a.mu.Unlock()
	if a.s.clock().After(until) {
		a.cancel(errLost)
	}
}

func (a *attempt) owns(j Job) bool {
	return j.State == Running && j.Lease != nil && j.Lease.Token == a.token && j.Lease.Node == a.s.self
}

// update changes the record while this attempt owns it; errLost says that it no longer does.
func (a *attempt) update(ctx context.Context, change func(*Job)) (Job, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for {
		next := a.job
		change(&next)
		got, err := a.s.deps.Store.Swap(ctx, a.job, next)
		if err == nil {
			a.job = got
			return got, nil
		}
		if errdefs.IsNotFound(err) {
			return Job{}, errLost
		}
		if !errdefs.IsFailedPrecondition(err) {
			return Job{}, err
		}
		if a.job, err = a.reread(ctx); err != nil {
			return Job{}, err
		}
	}
}

func (a *attempt) reread(ctx context.Context) (Job, error) {
	j, err := a.s.deps.Store.Get(ctx, a.id)
	if errdefs.IsNotFound(err) {
		return a.job, errLost
	}
	if err != nil {
		return a.job, err
	}
	if !a.owns(j) {
		return a.job, errLost
	}
	if j.CancelAsked {
		a.cancel(errCancelled)
	}
	return j, nil
}
