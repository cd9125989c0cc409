package trace

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

var _ jobs.Tracer = (*Tracer)(nil)

// Submitted implements jobs.Tracer: it draws the number of the job's span, which is made at the job's end.
func (t *Tracer) Submitted(ctx context.Context) *jobs.Trace {
	from := trace.SpanContextFromContext(ctx)
	if !from.IsSampled() {
		return nil
	}
	return &jobs.Trace{ID: from.TraceID().String(), Parent: from.SpanID().String(), Span: ids{}.NewSpanID(context.Background(), from.TraceID()).String()}
}

// Attempt implements jobs.Tracer.
func (t *Tracer) Attempt(ctx context.Context, j jobs.Job) (context.Context, func(jobs.Job)) {
	ctx, ok := within(ctx, j.Trace)
	if !ok {
		// not sampled: what is below must not begin a trace of its own
		return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{TraceID: unsampled, SpanID: trace.SpanID(unsampled[:8])})), func(jobs.Job) {}
	}
	if waited := later(j.Created, j.Ready); waited.Before(j.Started) {
		_, span := t.tracer.Start(ctx, "wait", trace.WithTimestamp(waited))
		span.End(trace.WithTimestamp(j.Started))
	}
	ctx, span := t.tracer.Start(ctx, "attempt", trace.WithTimestamp(j.Started), trace.WithAttributes(about(j)...))
	return ctx, func(next jobs.Job) {
		span.SetAttributes(attribute.String("videosdgx.job.state", string(next.State)))
		failed(span, next)
		span.End()
	}
}

// Lost implements jobs.Tracer.
func (t *Tracer) Lost(j jobs.Job, at time.Time) {
	ctx, ok := within(context.Background(), j.Trace)
	if !ok {
		return
	}
	_, span := t.tracer.Start(ctx, "attempt", trace.WithTimestamp(j.Started), trace.WithAttributes(about(j)...))
	span.SetStatus(codes.Error, "its node ended")
	span.End(trace.WithTimestamp(at))
}

// Ended implements jobs.Tracer.
func (t *Tracer) Ended(j jobs.Job) {
	if j.Trace == nil {
		return
	}
	parent, ok := within(context.Background(), &jobs.Trace{ID: j.Trace.ID, Span: j.Trace.Parent})
	own, err := trace.SpanIDFromHex(j.Trace.Span)
	if !ok || err != nil {
		return
	}
	_, span := t.tracer.Start(withID(parent, own), "job "+j.Model, trace.WithTimestamp(j.Created), trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(about(j)...))
	span.SetAttributes(attribute.String("videosdgx.job.state", string(j.State)), attribute.Int("videosdgx.job.interruptions", j.Interruptions))
	failed(span, j)
	span.End(trace.WithTimestamp(j.Finished))
}

// Told makes a span of telling a webhook's receiver of j's end; the context that it gives carries the trace to it.
func (t *Tracer) Told(ctx context.Context, j jobs.Job) (context.Context, func(error)) {
	ctx, ok := within(ctx, j.Trace)
	if !ok {
		return ctx, func(error) {}
	}
	ctx, span := t.tracer.Start(ctx, "webhook", trace.WithSpanKind(trace.SpanKindProducer))
	return ctx, func(err error) {
		if err != nil {
			span.RecordError(err)
			span.SetStatus(codes.Error, "not taken")
		}
		span.End()
	}
}

// Inject puts the trace of ctx into the headers of a request; without a trace it adds none.
func (t *Tracer) Inject(ctx context.Context, header map[string][]string) {
	t.carrier.Inject(ctx, propagation.HeaderCarrier(header))
}

// unsampled is a trace that nobody sees.
var unsampled = trace.TraceID{0: 1, 15: 1}

// within is a context whose spans are below a job's.
func within(ctx context.Context, t *jobs.Trace) (context.Context, bool) {
	if t == nil {
		return ctx, false
	}
	id, err := trace.TraceIDFromHex(t.ID)
	span, serr := trace.SpanIDFromHex(t.Span)
	if err != nil || serr != nil {
		return ctx, false
	}
	return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: span, TraceFlags: trace.FlagsSampled, Remote: true})), true
}

func about(j jobs.Job) []attribute.KeyValue {
	all := []attribute.KeyValue{
		attribute.String("videosdgx.job.id", j.ID), attribute.String("videosdgx.model", j.Model), attribute.Int("videosdgx.job.attempt", j.Attempts),
	}
	if j.Lease != nil {
		all = append(all, attribute.String("videosdgx.node", j.Lease.Node))
	}
	return all
}

// failed says what went wrong. A job that was cancelled did not fail.
func failed(span trace.Span, j jobs.Job) {
	switch {
	case j.State == jobs.Completed || j.State == jobs.Cancelled:
	case j.Problem != nil:
		span.SetAttributes(attribute.String("error.type", j.Problem.Kind))
		span.SetStatus(codes.Error, j.Problem.Detail)
	case j.Reason != "":
		span.SetStatus(codes.Error, j.Reason)
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
