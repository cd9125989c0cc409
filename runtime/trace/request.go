package trace

import (
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"
)

// Requests says what Wrap needs to know of requests and answers.
type Requests struct {
	Status   func(http.ResponseWriter) int // that was answered with; 0: none yet
	ID       func(http.ResponseWriter) string
	Function func(*http.Request) bool // whether it is for a function's own URL, whatever its method; nil: none is
}

// Wrap makes a span of each request that does something, and has what comes after it continue that. Requests that only read
// begin no trace: who polls a job would fill the collector with them. They have spans in a trace that their caller began.
func (t *Tracer) Wrap(q Requests, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := t.carrier.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
		if reads && !trace.SpanContextFromContext(ctx).IsValid() && (q.Function == nil || !q.Function(r)) {
			next.ServeHTTP(w, r)
			return
		}
		ctx, span := t.tracer.Start(ctx, r.Method, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
			semconv.HTTPRequestMethodKey.String(r.Method), semconv.URLPath(r.URL.Path), semconv.ServerAddress(r.Host), attribute.String("aws.request_id", q.ID(w))))
		defer func() { answered(span, q.Status(w), recover()) }()
		t.carrier.Inject(ctx, propagation.HeaderCarrier(r.Header)) // events of function URLs carry the headers
		w.Header()[xrayHeader] = []string{formatXRay(span.SpanContext())}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func answered(span trace.Span, status int, panicked any) {
	if status != 0 {
		span.SetAttributes(semconv.HTTPResponseStatusCode(status))
	}
	if status >= 500 || panicked != nil {
		span.SetStatus(codes.Error, http.StatusText(status))
	}
	span.End()
	if panicked != nil {
		panic(panicked)
	}
}

// Routed names a request's span by the route that it took, so that a collector can sum up.
func Routed(r *http.Request) {
	if span := trace.SpanFromContext(r.Context()); span.IsRecording() && r.Pattern != "" {
		span.SetName(r.Pattern)
		span.SetAttributes(semconv.HTTPRoute(r.Pattern))
	}
}
