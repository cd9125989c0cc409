package main

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

type bytes = spec.Bytes

const gib = bytes(1 << 30)

func gibibytes(g float64) bytes { return bytes(g * float64(gib)) }

// traceOptions say what trace to make.
type traceOptions struct {
	functions int
	length    time.Duration
	seed      uint64
	models    float64
}

// function is one in the trace.
type function struct {
	id   int
	size bytes
	cold time.Duration // from absent to ready
	run  time.Duration // median of an invocation
	rate float64       // invocations per hour, on average
	kind int
}

// Kinds of arrival, as Azure's triggers fall into: timers, people, and queues that come in bursts.
const (
	timer = iota
	steady
	bursty
)

// call is one invocation.
type call struct {
	at  time.Duration // since the beginning
	run time.Duration
	fn  *function
}

type trace struct {
	functions []*function
	calls     []call
}

// generate makes a trace with the marks of the published one (Shahrad et al., USENIX ATC 2020, sections 3.2 to 3.4):
// rates over many orders of magnitude (45 % of functions at most once an hour, 81 % at most once a minute), a third of
// them timers, half the rest burstier than Poisson, run times and memory log-normal, days and nights. The same options
// give the same trace.
func generate(o traceOptions) trace {
	r := rand.New(rand.NewPCG(o.seed, 0x5eed))
	var t trace
	for i := range o.functions {
		f := draw(r, i, o)
		t.functions = append(t.functions, f)
		t.calls = append(t.calls, arrivals(r, f, o.length)...)
	}
	slices.SortStableFunc(t.calls, func(a, b call) int { return cmp.Compare(a.at, b.at) })
	return t
}

func draw(r *rand.Rand, id int, o traceOptions) *function {
	f := &function{id: id, kind: []int{timer, steady, bursty}[r.IntN(3)]}
	// Log-normal with median 1.6/h and sigma 4.2 puts 45 % below 1/h and 81 % below 60/h; the busiest are cut at one in 3 s.
	f.rate = min(lognormal(r, 1.6, 4.2), 1200)
	f.run = seconds(min(lognormal(r, 0.7, 1.6), 600, 0.3*3600/f.rate)) // busy a third of the time, at most
	f.size = gibibytes(min(lognormal(r, 0.17, 0.9), 4))
	f.cold = seconds(min(lognormal(r, 0.3, 0.8), 10))
	if r.Float64() < o.models {
		f.size = gibibytes(4 + 44*r.Float64())
		f.cold = seconds(float64(f.size) / float64(gib) / 4) // NVMe at 4 GiB/s
		f.rate = min(f.rate, 20)
		f.run = seconds(min(lognormal(r, 60, 0.8), 0.2*3600/f.rate)) // a fifth of the time, at most
	}
	return f
}

func lognormal(r *rand.Rand, median, sigma float64) float64 {
	return median * math.Exp(sigma*r.NormFloat64())
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// arrivals makes one function's invocations.
func arrivals(r *rand.Rand, f *function, length time.Duration) (calls []call) {
	gap := seconds(3600 / f.rate)
	at := time.Duration(r.Float64() * float64(min(gap, length)))
	for at < length {
		for range batch(r, f) {
			run := seconds(f.run.Seconds() * math.Exp(0.3*r.NormFloat64()))
			calls = append(calls, call{at: at, run: run, fn: f})
		}
		at += step(r, f, gap, at)
	}
	return calls
}

// batch is how many come at once.
func batch(r *rand.Rand, f *function) int {
	if f.kind == bursty {
		return 1 + int(r.ExpFloat64()*2)
	}
	return 1
}

// step is the time to the next arrival: even for timers, exponential for people by day and night, and for bursts mostly
// short with now and then a long one.
func step(r *rand.Rand, f *function, gap, at time.Duration) time.Duration {
	const least = 10 * time.Millisecond
	switch f.kind {
	case timer:
		return max(gap+time.Duration(float64(gap)*0.01*r.NormFloat64()), least)
	case steady:
		day := 1 + 0.6*math.Sin(2*math.Pi*at.Hours()/24)
		return max(time.Duration(float64(gap)*r.ExpFloat64()/day), least)
	}
	scale := 0.2
	if r.Float64() < 0.2 {
		scale = 12 // 0.8·0.2 + 0.2·12 = 2.56, near the mean batch of 2.5: the rate stays what it is
	}
	return max(time.Duration(float64(gap)*scale*r.ExpFloat64()), least)
}
