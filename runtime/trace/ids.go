package trace

import (
	"context"
	"crypto/rand"

	"go.opentelemetry.io/otel/trace"
)

// ids draws the numbers of traces and spans. A context can say which number its next span has: a job's span is made when
// the job ends, maybe by another process than the one that queued it, and its attempts have named it long before.
type ids struct{}

type chosen struct{}

func withID(ctx context.Context, id trace.SpanID) context.Context {
	return context.WithValue(ctx, chosen{}, id)
}

// NewIDs implements the SDK's IDGenerator.
func (g ids) NewIDs(ctx context.Context) (id trace.TraceID, span trace.SpanID) {
	_, _ = rand.Read(id[:]) // never fails: it ends the program instead
	return id, g.NewSpanID(ctx, id)
}

// NewSpanID implements the SDK's IDGenerator.
func (ids) NewSpanID(ctx context.Context, _ trace.TraceID) (id trace.SpanID) {
	if id, ok := ctx.Value(chosen{}).(trace.SpanID); ok {
		return id
	}
	_, _ = rand.Read(id[:])
	return id
}
