package daemon

import (
	"context"

	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/gateway/lambda"
	"github.com/videosdgx/videosdgx/runtime/loras"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// vetCall asks whether the texts of an event for a model's function are taken: one that comes by Invoke or a function's URL has
// no job, and is looked at like one that has.
func (p *plane) vetCall(ctx context.Context, inv spec.Invocation) error {
	fn, err := p.registry.Get(ctx, inv.Function, inv.Qualifier)
	if err != nil || fn.Model == nil {
		return nil //nolint:nilerr // whoever invokes it says so
	}
	client := ""
	if who := auth.From(ctx); who != nil {
		client = who.Client()
	}
	return p.rest.VetCall(ctx, client, fn.Model.Name, loras.Request(inv.Payload))
}

// vettedInvoker passes on events whose texts are taken.
type vettedInvoker struct {
	spec.Invoker
	vet func(context.Context, spec.Invocation) error
}

var _ spec.Invoker = vettedInvoker{}

// Invoke implements spec.Invoker.
func (v vettedInvoker) Invoke(ctx context.Context, inv spec.Invocation) (*spec.Result, error) {
	if err := v.vet(ctx, inv); err != nil {
		return nil, err
	}
	return v.Invoker.Invoke(ctx, inv)
}

// vettedQueue takes events whose texts are taken.
type vettedQueue struct {
	lambda.Queue
	vet func(context.Context, spec.Invocation) error
}

// Enqueue implements lambda.Queue.
func (q vettedQueue) Enqueue(ctx context.Context, inv spec.Invocation) error {
	if err := q.vet(ctx, inv); err != nil {
		return err
	}
	return q.Queue.Enqueue(ctx, inv)
}
