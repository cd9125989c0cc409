package jobs

import (
	"context"
	"time"
)

// Tracer tells where the time of jobs goes. Safe for concurrent use.
type Tracer interface {
	// Submitted gives what a new job keeps of the trace that ctx is part of; nil: it is part of none that anybody sees.
	Submitted(ctx context.Context) *Trace
	// Attempt begins an attempt, which goes on in the context that it gives; ended is called once, with the record that follows.
	Attempt(ctx context.Context, j Job) (inner context.Context, ended func(next Job))
	// Lost tells of an attempt whose node ended; j is the record as that node left it.
	Lost(j Job, at time.Time)
	// Ended tells of a job that has come to its end.
	Ended(j Job)
}

// Trace is where a job belongs in a trace, in hexadecimal as W3C has it: its own span is made when it ends, by whichever node
// ends it.
type Trace struct {
	ID     string `json:"id"`     // of the trace
	Span   string `json:"span"`   // the job's own
	Parent string `json:"parent"` // the request's that submitted it
}

// untraced is the Tracer where nobody wants to know.
type untraced struct{}

func (untraced) Submitted(context.Context) *Trace { return nil }
func (untraced) Attempt(ctx context.Context, _ Job) (context.Context, func(Job)) {
	return ctx, func(Job) {}
}
func (untraced) Lost(Job, time.Time) {}
func (untraced) Ended(Job)           {}
