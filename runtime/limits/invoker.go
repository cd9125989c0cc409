package limits

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Rated is the Reason of a call that a function's rate refuses, as Lambda has it.
const Rated = "FunctionInvocationRateLimitExceeded"

// Functions holds the calls of each function to what its manifest says.
type Functions struct {
	Rates *Rates
	// Limit is how many calls of a function may come in a minute; 0: any number.
	Limit func(ctx context.Context, function, qualifier string) int
}

// Admit asks for one call. ResourceExhausted, and when to call again.
func (f Functions) Admit(ctx context.Context, function, qualifier string) error {
	most := f.Limit(ctx, function, qualifier)
	if most <= 0 {
		return nil
	}
	left := f.Rates.Take(function, most)
	if left.OK {
		return nil
	}
	return &spec.RetryError{After: left.Retry, Reason: Rated,
		Err: fmt.Errorf("function %s takes %d calls a minute, by its requestLimit: %w", function, most, errdefs.ErrResourceExhausted)}
}

// Invoker admits each call before it passes it on.
type Invoker struct {
	spec.Invoker
	Functions
}

// Invoke implements spec.Invoker.
func (i Invoker) Invoke(ctx context.Context, inv spec.Invocation) (*spec.Result, error) {
	if err := i.Admit(ctx, inv.Function, inv.Qualifier); err != nil {
		return nil, err
	}
	return i.Invoker.Invoke(ctx, inv)
}

// Queue admits each event before it is taken.
type Queue struct {
	To interface {
		Enqueue(ctx context.Context, inv spec.Invocation) error
	}
	Functions
}

// Enqueue implements lambda.Queue.
func (q Queue) Enqueue(ctx context.Context, inv spec.Invocation) error {
	if err := q.Admit(ctx, inv.Function, inv.Qualifier); err != nil {
		return err
	}
	return q.To.Enqueue(ctx, inv)
}
