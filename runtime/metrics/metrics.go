package metrics

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Buckets, in seconds. Invocations range from an echo to an hour of video; starts from a staged echo to a large model.
var (
	invokeBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600}
	startBuckets  = []float64{.005, .01, .02, .03, .05, .075, .1, .15, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300}
)

// Metrics holds the metrics of what happens. What is at a moment is asked for when it is scraped, see Watch.
type Metrics struct {
	registry    prometheus.Registerer
	invocations *prometheus.CounterVec   // function, outcome
	duration    *prometheus.HistogramVec // function
	phase       *prometheus.HistogramVec // phase
	starts      *prometheus.HistogramVec // function, by
	failures    *prometheus.CounterVec   // function
	evictions   *prometheus.CounterVec   // function
	reaps       *prometheus.CounterVec   // function

	mu     sync.RWMutex
	known  map[callsOf]calls // of functions that have not been forgotten
	phases [len(phases)]atomic.Pointer[prometheus.Observer]
}

type callsOf struct{ function, outcome string }

// calls are the series that every call adds to: each look for one costs as much as what is added.
type calls struct {
	total    prometheus.Counter
	duration prometheus.Observer
}

// New declares the metrics at a registry.
func New(r prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	}
	m := &Metrics{
		registry:    r,
		known:       map[callsOf]calls{},
		invocations: counter("videosdgx_invocations_total", "Invocations that are over, by outcome (ok, function_error, cancelled, deadline, refused, failed).", "function", "outcome"),
		duration:    histogram("videosdgx_invocation_duration_seconds", "From the acceptance of an invocation to the last byte of its answer.", invokeBuckets, "function"),
		phase:       histogram("videosdgx_invocation_phase_seconds", "Parts of invocations: queue, evict, create, start, restore, init, run.", invokeBuckets, "phase"),
		starts:      histogram("videosdgx_instance_start_duration_seconds", "Starts of instances until they were ready, by way (plain, snapshot).", startBuckets, "function", "by"),
		failures:    counter("videosdgx_instance_start_failures_total", "Starts of instances that came to nothing.", "function"),
		evictions:   counter("videosdgx_instance_evictions_total", "Idle instances that gave their memory to another.", "function"),
		reaps:       counter("videosdgx_instance_reaps_total", "Idle instances that were given up after their keep-alive.", "function"),
	}
	r.MustRegister(m.invocations, m.duration, m.phase, m.starts, m.failures, m.evictions, m.reaps)
	return m
}

// What is now, by function.
var (
	instances = prometheus.NewDesc("videosdgx_instances", "Instances there are, by state.", []string{"function", "state"}, nil)
	memory    = prometheus.NewDesc("videosdgx_instance_memory_bytes", "Memory that instances hold, as last seen.", []string{"function"}, nil)
	inFlight  = prometheus.NewDesc("videosdgx_invocations_in_flight", "Invocations that instances work on.", []string{"function"}, nil)
)

// Invoked notes an invocation that is over.
func (m *Metrics) Invoked(function, outcome string, p spec.Phases, total time.Duration) {
	c := m.calls(callsOf{function, outcome})
	c.total.Inc()
	c.duration.Observe(total.Seconds())
	for i, took := range [...]time.Duration{p.Queue, p.Evict, p.Create, p.Start, p.Restore, p.Init, p.Run} {
		if took > 0 {
			m.part(i).Observe(took.Seconds())
		}
	}
}

// phases are the parts of an invocation, in the order of Invoked.
var phases = [...]string{"queue", "evict", "create", "start", "restore", "init", "run"}

func (m *Metrics) part(i int) prometheus.Observer {
	if o := m.phases[i].Load(); o != nil {
		return *o
	}
	o := m.phase.WithLabelValues(phases[i])
	m.phases[i].Store(&o)
	return o
}

func (m *Metrics) calls(of callsOf) calls {
	m.mu.RLock()
	c, ok := m.known[of]
	m.mu.RUnlock()
	if ok {
		return c
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c = calls{m.invocations.WithLabelValues(of.function, of.outcome), m.duration.WithLabelValues(of.function)}
	m.known[of] = c
	return c
}

// Started notes an instance that became ready.
func (m *Metrics) Started(function, by string, took time.Duration) {
	m.starts.WithLabelValues(function, by).Observe(took.Seconds())
}

// StartFailed notes one that did not.
func (m *Metrics) StartFailed(function string) { m.failures.WithLabelValues(function).Inc() }

// Evicted notes one that gave its memory to another.
func (m *Metrics) Evicted(function string) { m.evictions.WithLabelValues(function).Inc() }

// Reaped notes one that nobody wanted for its keep-alive.
func (m *Metrics) Reaped(function string) { m.reaps.WithLabelValues(function).Inc() }

// Forget drops a deleted function's series: a server whose functions come and go would hold ever more of them.
func (m *Metrics) Forget(function string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.known, func(of callsOf, _ calls) bool { return of.function == function })
	for _, v := range []interface {
		DeletePartialMatch(prometheus.Labels) int
	}{m.invocations, m.duration, m.starts, m.failures, m.evictions, m.reaps} {
		v.DeletePartialMatch(prometheus.Labels{"function": function})
	}
}
