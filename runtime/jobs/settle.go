package jobs

import (
	"errors"
	"fmt"
	"time"
)

// outcome is how an attempt ended: a result, or an error with (when the function or the runtime failed) its Problem.
type outcome struct {
	result  *Result
	cause   error // errCancelled, errStopping, errDeadline, errLost, ErrDiskFull, or nil
	problem *Problem
	after   time.Duration // the runtime's own advice on when to try again
}

// settle gives the record that follows a running one whose attempt has ended. Pure but for pause's draw.
func settle(j Job, o outcome, c Config, now time.Time) Job {
	j = j.spend(now)
	j.Lease, j.Reason = nil, ""
	switch {
	case o.result != nil:
		j.Result, j.Problem = o.result, nil
		return end(j, Completed, now)
	case errors.Is(o.cause, errCancelled) || j.CancelAsked:
		return end(j, Cancelled, now)
	case errors.Is(o.cause, errDeadline):
		j.Problem = &Problem{Kind: "deadline", Detail: "The job's deadline passed before it had finished."}
		return end(j, Failed, now)
	case errors.Is(o.cause, errStopping):
		j.Attempts--
		return requeue(j, now, "its node was stopped")
	case errors.Is(o.cause, ErrDiskFull):
		j.Attempts--
		j.Problem = &Problem{Kind: "disk-full", Detail: "The result does not fit on the disk.", Retryable: true}
		return requeue(j, now.Add(max(c.Retry.next(1), j.worth(c.Retry.Max))), "waits for disk space")
	case o.problem == nil: // errLost while the store was away, and nobody has taken the job over after all
		return again(j, c, now)
	}
	return failed(j, o, c, now)
}

// worth is how long to wait for room: as long as has been spent on the job in vain, so that what never fits is not made for ever.
func (j Job) worth(most time.Duration) time.Duration {
	return min(time.Duration(j.Ran*float64(time.Second)), most)
}

func failed(j Job, o outcome, c Config, now time.Time) Job {
	j.Problem = o.problem
	switch {
	case !o.problem.Retryable:
		return end(j, Failed, now)
	case j.Attempts >= j.MaxAttempts:
		return end(j, Dead, now)
	}
	pause := max(o.after, c.Retry.next(j.Attempts))
	return requeue(j, now.Add(pause), fmt.Sprintf("attempt %d of %d failed, the next one follows", j.Attempts, j.MaxAttempts))
}

// interrupted is settle for an attempt whose node is gone: it ran until its lease was renewed last, about.
func interrupted(j Job, c Config, now time.Time) Job {
	j = j.spend(j.silentSince(c, now))
	j.Lease = nil
	return again(j, c, now)
}

// silentSince is when a running job's node was heard of last, as far as its lease tells.
func (j Job) silentSince(c Config, now time.Time) time.Time {
	if j.Lease == nil {
		return j.Started
	}
	if last := j.Lease.Until.Add(-c.Lease); last.Before(now) {
		return later(last, j.Started)
	}
	return now
}

// again puts an interrupted job back, or gives it up.
func again(j Job, c Config, now time.Time) Job {
	if j.CancelAsked {
		return end(j, Cancelled, now)
	}
	j.Attempts--
	if j.Interruptions++; j.Interruptions > c.MaxInterruptions {
		j.Problem = &Problem{Kind: "interrupted", Detail: fmt.Sprintf("Its node ended %d times while running it.", j.Interruptions), Retryable: true}
		return end(j, Dead, now)
	}
	return requeue(j, now, "its node ended, another attempt follows")
}

func requeue(j Job, ready time.Time, reason string) Job {
	j.State, j.Ready, j.Reason = Queued, stamp(ready), reason
	return j
}

func end(j Job, s State, now time.Time) Job {
	j.State, j.Finished, j.Reason = s, stamp(now), ""
	if j.Hook != nil {
		h := *j.Hook
		h.Due = j.Finished
		j.Hook = &h
	}
	return j
}
