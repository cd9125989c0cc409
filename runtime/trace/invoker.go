package trace

import (
	"cmp"
	"context"
	"io"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Invoker gives every invocation of to a span, and the function the trace in Lambda's header.
func (t *Tracer) Invoker(to spec.Invoker) spec.Invoker { return invoker{t, to} }

type invoker struct {
	t  *Tracer
	to spec.Invoker
}

// Invoke implements spec.Invoker. An event that waited in a queue continues the trace that it came with.
func (i invoker) Invoke(ctx context.Context, inv spec.Invocation) (*spec.Result, error) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		if from := parseXRay(inv.TraceID); from.IsValid() {
			ctx = trace.ContextWithRemoteSpanContext(ctx, from)
		}
	}
	ctx, span := i.t.tracer.Start(ctx, "invoke "+inv.Function, trace.WithAttributes(
		semconv.FaaSName(inv.Function), semconv.FaaSInvocationID(inv.ID), attribute.String("videosdgx.qualifier", inv.Qualifier)))
	inv.TraceID = formatXRay(span.SpanContext())
	if !span.IsRecording() {
		return i.to.Invoke(ctx, inv)
	}
	c := &call{t: i.t, ctx: ctx, span: span, function: inv.Function, begin: time.Now()}
	c.hear(&inv)
	res, err := i.to.Invoke(ctx, inv)
	if err != nil {
		span.RecordError(err)
		span.SetStatus(codes.Error, err.Error())
		span.End()
		return nil, err
	}
	c.res, c.head = res, time.Now()
	res.Body = &watched{ReadCloser: res.Body, over: sync.OnceFunc(c.over)}
	return res, nil
}

// watched tells once the body has been read to its end, when the trailer is there, or closed.
type watched struct {
	io.ReadCloser
	over func()
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if err != nil {
		w.over()
	}
	return n, err
}

func (w *watched) Close() error {
	err := w.ReadCloser.Close()
	w.over()
	return err
}

// call is one invocation that is being watched.
type call struct {
	t           *Tracer
	ctx         context.Context //nolint:containedctx // of the span, for those below it
	span        trace.Span
	function    string
	begin, head time.Time
	res         *spec.Result

	mu     sync.Mutex
	phases []stretch
}

// stretch is a phase that a model reported, from its first report on.
type stretch struct {
	name       string
	from, last time.Time
	steps      int
	engine     string
}

// mostStretches bounds what one invocation remembers; clips made chunk by chunk go back and forth.
const mostStretches = 200

// hear notes a model's reports on their way.
func (c *call) hear(inv *spec.Invocation) {
	pass := inv.OnProgress
	inv.OnProgress = func(p spec.Progress) {
		c.reported(p, time.Now())
		if pass != nil {
			pass(p)
		}
	}
}

func (c *call) reported(p spec.Progress, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.phases)
	if n > 0 {
		c.phases[n-1].last = now
	}
	if n == 0 || c.phases[n-1].name != p.Phase {
		if n == mostStretches || p.Phase == "" {
			return
		}
		c.phases = append(c.phases, stretch{name: p.Phase, from: now, last: now})
		n++
	}
	if s := &c.phases[n-1]; s.name == p.Phase {
		s.steps, s.engine = max(s.steps, p.Step), cmp.Or(p.Engine, s.engine)
	}
}

// over makes the spans below the invocation's, and ends it.
func (c *call) over() {
	trailer, phases := c.res.Trailer(), c.res.Phases
	c.span.SetAttributes(semconv.FaaSVersion(c.res.Version), semconv.FaaSColdstart(phases.Cold), attribute.Bool("videosdgx.snapshot", phases.Snapshot))
	begun := c.wait(phases)
	c.run(begun, trailer)
	if kind := cmp.Or(trailer.FunctionError, c.res.FunctionError); kind != "" {
		c.span.SetStatus(codes.Error, cmp.Or(trailer.ErrorType, kind))
	}
	c.span.End()
}

// wait makes a span of each step before the function got the event, one after the other, and gives when it got it.
func (c *call) wait(p spec.Phases) time.Time {
	steps := []struct {
		name string
		took time.Duration
	}{{"queue", p.Queue}, {"evict", p.Evict}, {"create", p.Create}, {"start", p.Start}, {"restore", p.Restore}, {"init", p.Init}}
	at, total := c.begin, time.Duration(0)
	for _, s := range steps {
		total += s.took
	}
	if early := total - c.head.Sub(c.begin); early > 0 { // the instance was on its way before this event came
		at = at.Add(-early)
	}
	for _, s := range steps {
		if s.took > 0 {
			c.child(c.ctx, s.name, at, at.Add(s.took))
			at = at.Add(s.took)
		}
	}
	return at
}

// run makes the span of the function, and below it those of the phases that it reported.
func (c *call) run(begun time.Time, t spec.Trailer) {
	end := time.Now()
	if t.Run > 0 && begun.Add(t.Run).Before(end) {
		end = begun.Add(t.Run)
	}
	ctx, span := c.t.tracer.Start(c.ctx, "function "+c.function, trace.WithTimestamp(begun), trace.WithAttributes(semconv.FaaSMaxMemory(int(t.MaxMemory))))
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, s := range c.phases {
		until := end
		if i+1 < len(c.phases) {
			until = c.phases[i+1].from
		}
		if until.Before(s.last) {
			until = s.last
		}
		c.child(ctx, s.name, s.from, until, attribute.Int("videosdgx.steps", s.steps), attribute.String("videosdgx.engine", s.engine))
	}
	if t.FunctionError != "" {
		span.SetStatus(codes.Error, t.ErrorType)
	}
	span.End(trace.WithTimestamp(end))
}

func (c *call) child(ctx context.Context, name string, from, to time.Time, attrs ...attribute.KeyValue) {
	_, span := c.t.tracer.Start(ctx, name, trace.WithTimestamp(from), trace.WithAttributes(attrs...))
	span.End(trace.WithTimestamp(to))
}
