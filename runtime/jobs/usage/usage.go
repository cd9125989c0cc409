// Package usage sums up what a queue has done over a span of time: of the records in its store, so that a restart loses
// nothing. It is pure.
package usage

import (
	"cmp"
	"maps"
	"math"
	"regexp"
	"slices"
	"time"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// Sum is what some jobs amount to. Times are in seconds.
type Sum struct {
	Jobs       int64   `json:"jobs" doc:"That ended"`
	Completed  int64   `json:"completed"`
	Failed     int64   `json:"failed" doc:"Also those that were given up"`
	Cancelled  int64   `json:"cancelled"`
	Cold       int64   `json:"cold" doc:"That waited for an instance to start"`
	Seconds    float64 `json:"seconds" doc:"That all their attempts ran"`
	GPUSeconds float64 `json:"gpu_seconds" doc:"The same, each attempt times the GPUs that it had"`
	Bytes      int64   `json:"bytes" doc:"Of their clips"`
}

// Slot is a Sum of one step of the span.
type Slot struct {
	Start time.Time `json:"start"`
	Sum
}

// Part is a Sum of what has something in common.
type Part struct {
	Name string `json:"name"`
	Sum
}

// Spread is how long something took, in seconds.
type Spread struct {
	Count int     `json:"count"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
}

// Failure is a reason for which jobs failed.
type Failure struct {
	Kind   string    `json:"kind"`
	Detail string    `json:"detail"`
	Jobs   int64     `json:"jobs"`
	Last   time.Time `json:"last"`
	ID     string    `json:"id" doc:"Of the latest"`
}

// Report is all of it.
type Report struct {
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Step     float64   `json:"step_seconds"`
	Partial  bool      `json:"partial,omitempty" doc:"There were more jobs than are read at once: the oldest are not in it"`
	Total    Sum       `json:"total"`
	Over     []Slot    `json:"over_time"`
	Models   []Part    `json:"models"`
	Clients  []Part    `json:"clients"`
	Hours    []Part    `json:"hours_of_day" doc:"00 to 23, as clocks show them in the zone"`
	Waiting  Spread    `json:"waiting" doc:"From submission to the start of the latest attempt"`
	Starting Spread    `json:"starting" doc:"Of an instance, where one had to start"`
	Running  Spread    `json:"running" doc:"Of completed jobs"`
	Whole    Spread    `json:"whole" doc:"Of completed jobs, from submission to the clip"`
	Failures []Failure `json:"failures" doc:"The most frequent first"`
}

// What a report names at most.
const (
	maxParts    = 50
	maxFailures = 20
	maxSlots    = 2000
)

// Counter makes a Report of jobs that are given to it in any order.
type Counter struct {
	report   Report
	models   map[string]*Sum
	clients  map[string]*Sum
	failures map[string]*Failure
	times    [4][]float64 // waiting, starting, running, whole
}

// Next is when the step after the one at a time begins. Steps of hours and more are those of clocks in the time's zone: a day there
// may have 23 or 25 hours.
func Next(at time.Time, step time.Duration) time.Time {
	if step < wide {
		return at.Add(step)
	}
	y, m, d := at.Date()
	next := time.Date(y, m, d, at.Hour()+int(step/time.Hour), at.Minute(), at.Second(), at.Nanosecond(), at.Location())
	if !next.After(at) {
		return at.Add(step)
	}
	return next
}

// wide is the shortest step that follows clocks.
const wide = 6 * time.Hour

// New makes a Counter of the jobs that ended in [from, to), in steps, and of the hours in from's zone; a step that would make too many is
// made longer.
func New(from, to time.Time, step time.Duration) *Counter {
	for to.Sub(from)/step > maxSlots {
		step *= 2
	}
	c := &Counter{models: map[string]*Sum{}, clients: map[string]*Sum{}, failures: map[string]*Failure{}}
	c.report = Report{From: from, To: to, Step: step.Seconds()}
	for at := from; at.Before(to); at = Next(at, step) {
		c.report.Over = append(c.report.Over, Slot{Start: at})
	}
	for h := range 24 {
		c.report.Hours = append(c.report.Hours, Part{Name: string([]byte{'0' + byte(h/10), '0' + byte(h%10)})})
	}
	return c
}

// Add counts a job, if it ended within the span.
func (c *Counter) Add(j jobs.Job) {
	if !j.State.Ended() || j.Finished.Before(c.report.From) || !j.Finished.Before(c.report.To) {
		return
	}
	one := sumOf(j)
	c.report.Total.add(one)
	c.report.Over[c.slot(j.Finished)].add(one)
	c.report.Hours[j.Finished.In(c.report.From.Location()).Hour()].add(one)
	in(c.models, j.Model).add(one)
	in(c.clients, j.Client).add(one)
	c.fail(j)
	c.time(j)
}

// slot finds the step that a time within the span lies in.
func (c *Counter) slot(at time.Time) int {
	i, found := slices.BinarySearchFunc(c.report.Over, at, func(s Slot, at time.Time) int { return s.Start.Compare(at) })
	if !found {
		i--
	}
	return i
}

func in(all map[string]*Sum, name string) *Sum {
	if all[name] == nil {
		all[name] = &Sum{}
	}
	return all[name]
}

func sumOf(j jobs.Job) Sum {
	s := Sum{Jobs: 1}
	s.Seconds, s.GPUSeconds = j.Spent()
	switch j.State {
	case jobs.Completed:
		s.Completed = 1
	case jobs.Cancelled:
		s.Cancelled = 1
	default:
		s.Failed = 1
	}
	if j.Timing != nil && j.Timing.Cold {
		s.Cold = 1
	}
	if j.Result != nil {
		s.Bytes = j.Result.Size
	}
	return s
}

func (s *Sum) add(o Sum) {
	s.Jobs, s.Completed, s.Failed, s.Cancelled, s.Cold = s.Jobs+o.Jobs, s.Completed+o.Completed, s.Failed+o.Failed, s.Cancelled+o.Cancelled, s.Cold+o.Cold
	s.Seconds, s.GPUSeconds, s.Bytes = s.Seconds+o.Seconds, s.GPUSeconds+o.GPUSeconds, s.Bytes+o.Bytes
}

func (c *Counter) fail(j jobs.Job) {
	if j.Problem == nil || j.State == jobs.Completed || j.State == jobs.Cancelled {
		return
	}
	key := j.Problem.Kind + "\n" + plain(j.Problem.Detail)
	f := c.failures[key]
	if f == nil {
		f = &Failure{Kind: j.Problem.Kind}
		c.failures[key] = f
	}
	if f.Jobs++; j.Finished.After(f.Last) {
		f.Detail, f.Last, f.ID = j.Problem.Detail, j.Finished, j.ID
	}
}

// plain is a sentence without its numbers: failures that differ in those alone are of one kind.
func plain(text string) string { return digits.ReplaceAllString(text, "#") }

var digits = regexp.MustCompile(`[0-9]+`)

func (c *Counter) time(j jobs.Job) {
	put := func(i int, s float64) {
		if s >= 0 {
			c.times[i] = append(c.times[i], s)
		}
	}
	if !j.Started.IsZero() {
		put(0, j.Started.Sub(j.Created).Seconds())
	}
	if j.Timing != nil && j.Timing.Cold {
		put(1, j.Timing.Starting())
	}
	if j.State == jobs.Completed {
		put(2, j.Seconds())
		put(3, j.Finished.Sub(j.Created).Seconds())
	}
}

// Report gives what has been counted. The Counter is used up.
func (c *Counter) Report(partial bool) Report {
	r := c.report
	r.Partial = partial
	r.Models, r.Clients = parts(c.models), parts(c.clients)
	r.Waiting, r.Starting, r.Running, r.Whole = spread(c.times[0]), spread(c.times[1]), spread(c.times[2]), spread(c.times[3])
	r.Failures = []Failure{}
	for _, f := range c.failures {
		r.Failures = append(r.Failures, *f)
	}
	slices.SortFunc(r.Failures, func(a, b Failure) int { return cmp.Or(cmp.Compare(b.Jobs, a.Jobs), b.Last.Compare(a.Last)) })
	r.Failures = r.Failures[:min(len(r.Failures), maxFailures)]
	return r
}

// parts are those with the most seconds, and the rest as one that is called "…".
func parts(all map[string]*Sum) []Part {
	out := []Part{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, Part{name, *all[name]})
	}
	slices.SortStableFunc(out, func(a, b Part) int { return cmp.Or(cmp.Compare(b.Seconds, a.Seconds), cmp.Compare(b.Jobs, a.Jobs)) })
	if len(out) > maxParts {
		rest := Part{Name: "…"}
		for _, p := range out[maxParts-1:] {
			rest.add(p.Sum)
		}
		out = append(out[:maxParts-1], rest)
	}
	return out
}

// spread sorts all. Percentiles are of the nearest rank.
func spread(all []float64) Spread {
	if len(all) == 0 {
		return Spread{}
	}
	slices.Sort(all)
	total := 0.0
	for _, v := range all {
		total += v
	}
	rank := func(q float64) float64 { return all[max(0, int(math.Ceil(q*float64(len(all))))-1)] }
	return Spread{Count: len(all), Mean: total / float64(len(all)), P50: rank(.5), P90: rank(.9), P99: rank(.99), Max: all[len(all)-1]}
}
