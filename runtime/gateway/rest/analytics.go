package rest

import (
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/usage"
)

// analytics is GET /v1/analytics: what the queue has done over a span of time, of the records in its store. JSON, or the
// steps of the span as CSV where Accept asks for it.
func (a *API) analytics(w http.ResponseWriter, r *http.Request) error {
	span, err := spanOf(r, time.Now().UTC())
	if err != nil {
		return err
	}
	if span.Model != "" {
		if _, err := a.o.Models.Model(r.Context(), span.Model); err != nil {
			return err
		}
	}
	report, err := a.usage.of(r.Context(), a.o.Jobs, span)
	if err != nil {
		return err
	}
	w.Header().Set("Vary", "Accept")
	if gateway.Negotiate(r, "application/json", "text/csv") == "application/json" {
		return write(w, http.StatusOK, report)
	}
	return writeCSV(w, report)
}

// timeSpan is what a report is of.
type timeSpan struct {
	From, To      time.Time
	Step          time.Duration
	Model, Client string
}

// The spans that can be asked for, by the name of their length.
var spans = map[string]struct{ length, step time.Duration }{
	"1h": {time.Hour, time.Minute}, "24h": {24 * time.Hour, time.Hour}, "7d": {7 * 24 * time.Hour, 6 * time.Hour}, "30d": {30 * 24 * time.Hour, 24 * time.Hour},
}

const defaultSpan = "24h"

// spanOf reads ?span=, or ?from= and ?to=. Steps begin at round times, so that reports of one hour share theirs.
func spanOf(r *http.Request, now time.Time) (timeSpan, error) {
	q := r.URL.Query()
	s := timeSpan{Model: q.Get("model"), Client: q.Get("client")}
	name := q.Get("span")
	if !q.Has("span") {
		name = defaultSpan
	}
	known, ok := spans[name]
	var bad []jobs.FieldError
	if !ok {
		bad = append(bad, jobs.FieldError{Field: "span", Detail: fmt.Sprintf("span is %s: there are 1h, 24h, 7d and 30d, or give from and to.", show(name))})
	}
	s.Step = max(known.step, time.Minute)
	s.To = now.Truncate(s.Step).Add(s.Step)
	s.From = s.To.Add(-known.length)
	if q.Has("from") || q.Has("to") {
		s.To = readTime(q, "to", now, &bad)
		s.From = readTime(q, "from", s.To.Add(-24*time.Hour), &bad)
		if s.To.Before(s.From) {
			s.From, s.To = s.To, s.From
		}
		s.To = later(s.To, s.From.Add(time.Minute))
		s.Step = stepFor(s.To.Sub(s.From))
	}
	if len(bad) > 0 {
		return s, invalid(http.StatusBadRequest, bad)
	}
	return s, nil
}

func readTime(q url.Values, field string, otherwise time.Time, bad *[]jobs.FieldError) time.Time {
	if !q.Has(field) {
		return otherwise
	}
	t, err := time.Parse(time.RFC3339, q.Get(field))
	if err != nil {
		var year, month, day, h, m, s int // the 31st of a month that has 30 is the 1st of the next
		if n, _ := fmt.Sscanf(q.Get(field), "%4d-%2d-%2dT%2d:%2d:%2dZ", &year, &month, &day, &h, &m, &s); n == 6 {
			t, err = time.Date(year, time.Month(month), day, h, m, s, 0, time.UTC), nil
		}
	}
	if err != nil || t.Year() < 2000 || t.Year() > 2099 {
		*bad = append(*bad, jobs.FieldError{Field: field, Detail: fmt.Sprintf("%s is %s: write it as 2026-11-28T00:00:00Z.", field, show(q.Get(field)))})
	}
	return t.UTC()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// stepFor gives a few dozen steps.
func stepFor(length time.Duration) time.Duration {
	for _, step := range []time.Duration{time.Minute, time.Hour, 6 * time.Hour} {
		if length <= 60*step {
			return step
		}
	}
	return 24 * time.Hour
}

// maxCounted is how many jobs a report reads at most; reportAge how long one is given again.
const (
	maxCounted = 200_000
	countPage  = 1000
	reportAge  = 10 * time.Second
	maxReports = 64
)

// reports keeps the latest ones: a page that many people have open reads the store once.
type reports struct {
	mu  sync.Mutex
	all map[timeSpan]kept
}

type kept struct {
	report usage.Report
	made   time.Time
}

func (p *reports) of(ctx context.Context, from *jobs.Service, s timeSpan) (usage.Report, error) {
	p.mu.Lock()
	defer p.mu.Unlock() // one reads at a time
	if k, ok := p.all[s]; ok && time.Since(k.made) < reportAge {
		return k.report, nil
	}
	report, err := count(ctx, from, s)
	if err != nil {
		return report, err
	}
	if p.all == nil || len(p.all) >= maxReports {
		p.all = map[timeSpan]kept{}
	}
	p.all[s] = kept{report, time.Now()}
	return report, nil
}

// longest is how long a job may live before it ends, so that one which ended within a span was submitted no earlier.
const longest = 8 * 24 * time.Hour

func count(ctx context.Context, from *jobs.Service, s timeSpan) (usage.Report, error) {
	c := usage.New(s.From, s.To, s.Step)
	f := jobs.Filter{Model: s.Model, Client: s.Client, States: []jobs.State{jobs.Completed, jobs.Failed, jobs.Cancelled, jobs.Dead}, Limit: countPage}
	for n := 0; n < maxCounted; n += countPage {
		page, err := from.List(ctx, f)
		if err != nil {
			return usage.Report{}, err
		}
		for _, j := range page {
			c.Add(j)
		}
		if len(page) < countPage || page[len(page)-1].Created.Before(s.From.Add(-longest)) {
			return c.Report(false), nil
		}
		f.Before = page[len(page)-1].ID
	}
	return c.Report(true), nil
}

func writeCSV(w http.ResponseWriter, r usage.Report) error {
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="videosdgx-usage.csv"`)
	h.Set("Cache-Control", "no-store")
	out := csv.NewWriter(w)
	_ = out.Write([]string{"start", "jobs", "completed", "failed", "cancelled", "cold", "seconds", "gpu_seconds", "bytes"})
	for _, s := range r.Over {
		row := []string{s.Start.Format(time.RFC3339)}
		for _, n := range []int64{s.Jobs, s.Completed, s.Failed, s.Cancelled, s.Cold} {
			row = append(row, strconv.FormatInt(n, 10))
		}
		row = append(row, strconv.FormatFloat(s.Seconds, 'f', 3, 64), strconv.FormatFloat(s.GPUSeconds, 'f', 3, 64), strconv.FormatInt(s.Bytes, 10))
		_ = out.Write(row)
	}
	out.Flush()
	return nil // a client that has gone
}
