package rest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
	_ "time/tzdata" // the zones, where the system has none

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/usage"
)

// analytics is GET /v1/analytics: what the queue has done over a span of time, of the records in its store. JSON, or the
// steps of the span, or what ?by= says, as CSV where Accept asks for it.
func (a *API) analytics(w http.ResponseWriter, r *http.Request) error {
	zone, err := zoneOf(r)
	if err != nil {
		return err
	}
	by, err := tableOf(r)
	if err != nil {
		return err
	}
	span, err := spanOf(r, time.Now().In(zone))
	if err != nil {
		return err
	}
	if span.Model != "" {
		if _, err := a.o.Models.Model(r.Context(), span.Model); err != nil {
			return err
		}
	}
	report, err := a.usage.of(r.Context(), a.o.Jobs, span, zone)
	if err != nil {
		return err
	}
	w.Header().Set("Vary", "Accept")
	if gateway.Negotiate(r, "application/json", "text/csv") == "application/json" {
		return write(w, http.StatusOK, report)
	}
	return writeCSV(w, report, by)
}

// zoneOf reads ?zone=, in which days and hours begin; UTC where nothing is said.
func zoneOf(r *http.Request) (*time.Location, error) {
	name := r.URL.Query().Get("zone")
	if name == "Local" { // the server's own is nobody's business
		name = "?"
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("there is no time zone %s: write one as America/Sao_Paulo, or UTC: %w", show(name), errdefs.ErrNotFound)
	}
	return zone, nil
}

// timeSpan is what a report is of: times in UTC, and the zone whose days and hours it has.
type timeSpan struct {
	From, To            time.Time
	Step                time.Duration
	Model, Client, Zone string
}

// The spans that can be asked for, by the name of their length.
var spans = map[string]struct{ length, step time.Duration }{
	"1h": {time.Hour, time.Minute}, "24h": {24 * time.Hour, time.Hour}, "7d": {7 * 24 * time.Hour, 6 * time.Hour}, "30d": {30 * 24 * time.Hour, 24 * time.Hour},
}

const defaultSpan = "24h"

// spanOf reads ?span=, or ?from= and ?to=. Steps begin at round times of now's zone, so that reports of one hour share theirs.
func spanOf(r *http.Request, now time.Time) (timeSpan, error) {
	q := r.URL.Query()
	s := timeSpan{Model: q.Get("model"), Client: q.Get("client"), Zone: now.Location().String()}
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
	s.To = usage.Next(stepOf(now, s.Step), s.Step)
	if s.From = s.To.Add(-known.length); known.length > 24*time.Hour {
		s.From = s.To.AddDate(0, 0, -int(known.length/(24*time.Hour)))
	}
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
	s.From, s.To = s.From.UTC(), s.To.UTC()
	return s, nil
}

// stepOf is the beginning of the step that a time lies in, by the clocks of its zone.
func stepOf(t time.Time, step time.Duration) time.Time {
	if step < 6*time.Hour {
		_, offset := t.Zone()
		shift := time.Duration(offset) * time.Second
		return t.Add(shift).Truncate(step).Add(-shift)
	}
	y, m, d := t.Date()
	h := int(step / time.Hour)
	return time.Date(y, m, d, t.Hour()/h*h, 0, 0, 0, t.Location())
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

func (p *reports) of(ctx context.Context, from *jobs.Service, s timeSpan, zone *time.Location) (usage.Report, error) {
	p.mu.Lock()
	defer p.mu.Unlock() // one reads at a time
	if k, ok := p.all[s]; ok && time.Since(k.made) < reportAge {
		return k.report, nil
	}
	report, err := count(ctx, from, s, zone)
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

func count(ctx context.Context, from *jobs.Service, s timeSpan, zone *time.Location) (usage.Report, error) {
	c := usage.New(s.From.In(zone), s.To.In(zone), s.Step)
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
