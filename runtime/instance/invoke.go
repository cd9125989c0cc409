package instance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/guest/client"
	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Invoke gives the instance an event, of as many at a time as the function takes, and returns when the head of the answer is there. over is called exactly once, as
// soon as the instance has nothing more to do with the event, also when Invoke returns an error; replace says that the
// instance is of no further use. A function that died or ran out of time is a Result with a FunctionError; an error that
// is a *NotDelivered left no trace in the function.
func (i *Instance) Invoke(ctx context.Context, inv *spec.Invocation, over func(replace bool)) (*spec.Result, error) {
	if err := i.admit(ctx); err != nil {
		over(true)
		return nil, &NotDelivered{err}
	}
	over, err := i.lay(inv, over)
	if err != nil {
		over(false)
		return nil, &NotDelivered{err}
	}
	a := &answer{i: i, inv: inv, over: over, begin: time.Now()}
	resp, err := i.send(ctx, i.call(inv))
	if err == nil {
		a.resp = resp
		return a.result(), nil
	}
	a.settle(client.Replace(err) || busy(err))
	return a.failed(ctx, err)
}

// admit lets an event in, once the instance is awake.
func (i *Instance) admit(ctx context.Context) error {
	if !i.open.Load() {
		return ErrGone
	}
	return i.wake(ctx)
}

// Keep lets connections to init rest open for a moment between events, from now on. It is not for an instance that is
// to be checkpointed.
func (i *Instance) Keep() { i.keep.Store(true) }

func (i *Instance) send(ctx context.Context, c client.Call) (*client.Response, error) {
	if i.keep.Load() {
		return i.line.Invoke(ctx, i.box.Dial, c)
	}
	return client.Invoke(ctx, i.box.Dial, c)
}

func (i *Instance) call(inv *spec.Invocation) client.Call {
	fn := &i.cfg.Function
	deadline := time.Now().Add(fn.Timeout.D())
	if !inv.Deadline.IsZero() && inv.Deadline.Before(deadline) {
		deadline = inv.Deadline
	}
	arn := i.cfg.ARN
	if inv.Qualifier != "" {
		arn += ":" + inv.Qualifier
	}
	return client.Call{
		Head: wire.InvokeHead{
			ID: inv.ID, DeadlineMs: deadline.UnixMilli(), ARN: arn, TraceID: inv.TraceID,
			ClientContext: inv.ClientContext, Identity: inv.Identity, Tail: inv.Tail,
			CancelGraceMs: fn.CancelGrace.D().Milliseconds(),
		},
		Payload: inv.Payload, OnProgress: i.heard(inv.OnProgress),
	}
}

// heard notes which engine a model function says that it runs, on the way of its reports to whoever wants them.
func (i *Instance) heard(pass func(spec.Progress)) func(spec.Progress) {
	if i.cfg.Function.Model == nil {
		return pass
	}
	return func(p spec.Progress) {
		if name := []rune(p.Engine); len(name) > 0 {
			short := string(name[:min(len(name), mostEngine)])
			i.engine.Store(&short)
		}
		if pass != nil {
			pass(p)
		}
	}
}

// mostEngine is how much of an engine's name is kept, in characters.
const mostEngine = 64

// busy says that an instance works on something that this control plane has not given it, or has given up: an event of an
// earlier one's, most likely. Nobody waits for that any more, and it may take long: such an instance is replaced.
func busy(err error) bool {
	var f *client.Failure
	return errors.As(err, &f) && f.Class == wire.ClassBusy
}

// failed turns an exchange without an answer into what the caller gets.
func (a *answer) failed(ctx context.Context, err error) (*spec.Result, error) {
	var f *client.Failure
	switch {
	case errors.As(err, &f) && f.Class == wire.ClassTooLarge:
		return nil, err
	case ctx.Err() != nil:
		return nil, fmt.Errorf("invocation %s of %s: %w", a.inv.ID, a.i.cfg.Function.Name, context.Cause(ctx))
	case !errors.As(err, &f), f.Unseen && f.Class != wire.ClassTimeout:
		return nil, &NotDelivered{fmt.Errorf("%w: %w", err, errdefs.ErrUnavailable)}
	case f.Class == wire.ClassInit:
		return nil, a.i.startError(err)
	}
	t := a.i.fault(a.inv.ID, time.Since(a.begin), f)
	return &spec.Result{
		Version: a.i.cfg.Function.Version, ContentType: "application/json", FunctionError: t.FunctionError,
		Body: io.NopCloser(strings.NewReader(string(t.ErrorBody))), Trailer: func() spec.Trailer { return t },
	}, nil
}
