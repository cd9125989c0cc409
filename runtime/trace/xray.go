package trace

import (
	"context"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// xrayHeader carries a trace the way AWS has it, to Lambda and from it: Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1.
const xrayHeader = "X-Amzn-Trace-Id"

// xray is that header as a propagator.
type xray struct{}

var _ propagation.TextMapPropagator = xray{}

// Fields implements propagation.TextMapPropagator.
func (xray) Fields() []string { return []string{xrayHeader} }

// Inject implements propagation.TextMapPropagator.
func (xray) Inject(ctx context.Context, c propagation.TextMapCarrier) {
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		c.Set(xrayHeader, formatXRay(sc))
	}
}

// Extract implements propagation.TextMapPropagator.
func (xray) Extract(ctx context.Context, c propagation.TextMapCarrier) context.Context {
	if sc := parseXRay(c.Get(xrayHeader)); sc.IsValid() {
		return trace.ContextWithRemoteSpanContext(ctx, sc)
	}
	return ctx
}

func formatXRay(sc trace.SpanContext) string {
	id, sampled := sc.TraceID().String(), 0
	if sc.IsSampled() {
		sampled = 1
	}
	return fmt.Sprintf("Root=1-%s-%s;Parent=%s;Sampled=%d", id[:8], id[8:], sc.SpanID(), sampled)
}

// parseXRay reads the header. One without a parent, as a client sends that begins a trace, or without a decision does not
// continue anything: its zero value is not valid.
func parseXRay(text string) trace.SpanContext {
	var c trace.SpanContextConfig
	decided := false
	for _, part := range strings.Split(text, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		var err error
		switch name {
		case "Root":
			version, rest, _ := strings.Cut(value, "-")
			high, low, _ := strings.Cut(rest, "-")
			if version != "1" || len(high) != 8 {
				return trace.SpanContext{}
			}
			c.TraceID, err = trace.TraceIDFromHex(high + low)
		case "Parent":
			c.SpanID, err = trace.SpanIDFromHex(value)
		case "Sampled":
			decided = value == "0" || value == "1"
			c.TraceFlags = c.TraceFlags.WithSampled(value == "1")
		}
		if err != nil {
			return trace.SpanContext{}
		}
	}
	if !decided {
		return trace.SpanContext{}
	}
	c.Remote = true
	return trace.NewSpanContext(c)
}
