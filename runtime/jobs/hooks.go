package jobs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sync/errgroup"
)

// Notice is one attempt to tell a webhook's receiver of a job's end.
type Notice struct {
	URL string
	ID  string // of the job's end: the same for every attempt
	Job Job
}

// ErrHookGone is what Deps.Tell gives when the receiver wants to hear no more.
var ErrHookGone = errors.New("the receiver wants to hear no more of this")

// hooksAtOnce bounds deliveries under way, so that receivers that do not answer hold up the others little.
const hooksAtOnce = 16

// hooks delivers what is due.
func (s *Service) hooks(ctx context.Context) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	var under errgroup.Group
	under.SetLimit(hooksAtOnce)
	defer under.Wait() //nolint:errcheck // deliveries tell their errors themselves
	for {
		due, err := s.deps.Store.HooksDue(ctx, s.clock(), 100)
		s.try("webhooks", err)
		for _, j := range due {
			under.Go(func() error { s.try("webhooks", s.deliver(ctx, j)); return nil })
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// hookLease keeps everybody else from delivering the same hook meanwhile.
const hookLease = 30 * time.Second

// deliver makes one attempt. Losing the record to another delivery of the same hook is no error.
func (s *Service) deliver(ctx context.Context, j Job) error {
	if s.deps.Tell == nil {
		return nil // a node that can tells it
	}
	taken := j
	h := *j.Hook
	h.Attempts++
	h.Due = stamp(s.clock().Add(hookLease))
	taken.Hook = &h
	taken, err := s.deps.Store.Swap(ctx, j, taken)
	if err != nil {
		return ignore(err, errdefs.IsFailedPrecondition, errdefs.IsNotFound)
	}
	id := j.ID + "." + string(j.State) + "." + strconv.FormatInt(j.Token, 10)
	err = s.deps.Tell(ctx, Notice{URL: h.URL, ID: id, Job: taken})
	if err != nil && ctx.Err() != nil {
		return nil //nolint:nilerr // this node stops: what came of it is not known, and the hook is due again after its lease
	}
	_, serr := s.deps.Store.Swap(context.WithoutCancel(ctx), taken, s.delivered(taken, err))
	return ignore(serr, errdefs.IsFailedPrecondition, errdefs.IsNotFound)
}

// delivered gives the record after an attempt: done, due again after a pause, or given up.
func (s *Service) delivered(j Job, err error) Job {
	h := *j.Hook
	now := s.clock()
	h.Due, h.Error = time.Time{}, ""
	if err == nil {
		h.Delivered = now
	} else {
		h.Error = shorten(fmt.Sprintf("attempt %d: %v", h.Attempts, err))
		if h.Attempts < s.cfg.HookAttempts && !errors.Is(err, ErrHookGone) {
			h.Due = stamp(now.Add(s.cfg.HookRetry.next(h.Attempts)))
		}
	}
	j.Hook = &h
	return j
}
