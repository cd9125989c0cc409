package usage

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func job(state jobs.State, after, ran time.Duration, change func(*jobs.Job)) jobs.Job {
	j := jobs.Job{ID: fmt.Sprint(after), Model: "m", Client: "c", State: state, Created: noon.Add(after - ran - time.Second), Started: noon.Add(after - ran), Finished: noon.Add(after)}
	if change != nil {
		change(&j)
	}
	return j
}

func TestReport(t *testing.T) {
	c := New(noon, noon.Add(3*time.Hour), time.Hour)
	for _, j := range []jobs.Job{
		job(jobs.Completed, time.Minute, 10*time.Second, func(j *jobs.Job) {
			j.Timing, j.Result = &jobs.Timing{Cold: true, Start: 1, Init: 2, GPUs: 2}, &jobs.Result{Size: 100}
		}),
		job(jobs.Completed, 61*time.Minute, 30*time.Second, func(j *jobs.Job) { j.Model = "n" }),
		job(jobs.Dead, 62*time.Minute, time.Second, func(j *jobs.Job) { j.Problem = &jobs.Problem{Kind: "function", Detail: "line 7 broke"} }),
		job(jobs.Failed, 63*time.Minute, time.Second, func(j *jobs.Job) { j.Problem = &jobs.Problem{Kind: "function", Detail: "line 12 broke"} }),
		job(jobs.Cancelled, 64*time.Minute, time.Second, nil),
		job(jobs.Completed, -time.Second, time.Second, nil), // before
		job(jobs.Completed, 3*time.Hour, time.Second, nil),  // after
		{State: jobs.Running},
	} {
		c.Add(j)
	}
	r := c.Report(false)
	if want := (Sum{Jobs: 5, Completed: 2, Failed: 2, Cancelled: 1, Cold: 1, Seconds: 43, GPUSeconds: 20, Bytes: 100}); r.Total != want {
		t.Errorf("total: %s", cmp.Diff(want, r.Total))
	}
	if len(r.Over) != 3 || r.Over[0].Jobs != 1 || r.Over[1].Jobs != 4 || r.Over[2].Jobs != 0 || r.Hours[12].Jobs != 1 || r.Hours[13].Jobs != 4 {
		t.Errorf("over time: %+v", r.Over)
	}
	if len(r.Models) != 2 || r.Models[0].Name != "n" || r.Models[0].Seconds != 30 {
		t.Errorf("models: %+v", r.Models)
	}
	if len(r.Failures) != 1 || r.Failures[0].Jobs != 2 || r.Failures[0].Detail != "line 12 broke" {
		t.Errorf("failures: %+v", r.Failures)
	}
	if want := (Spread{Count: 1, Mean: 3, P50: 3, P90: 3, P99: 3, Max: 3}); r.Starting != want {
		t.Errorf("starting: %+v", r.Starting)
	}
	if r.Running.P50 != 10 || r.Running.P99 != 30 || r.Whole.Max != 31 || r.Waiting.Count != 5 {
		t.Errorf("running %+v, whole %+v, waiting %+v", r.Running, r.Whole, r.Waiting)
	}
}

func TestAReportIsBounded(t *testing.T) {
	c := New(noon.Add(-365*24*time.Hour), noon, time.Minute)
	for i := range 200 {
		c.Add(job(jobs.Failed, -time.Hour, time.Second, func(j *jobs.Job) {
			j.Client, j.Problem = fmt.Sprint("client", i), &jobs.Problem{Kind: fmt.Sprint("kind", string(rune('a'+i%26)), i/26)}
		}))
	}
	r := c.Report(true)
	if len(r.Over) > maxSlots || len(r.Clients) != maxParts || len(r.Failures) != maxFailures || !r.Partial {
		t.Errorf("%d slots, %d clients, %d failures", len(r.Over), len(r.Clients), len(r.Failures))
	}
	var sum int64
	for _, p := range r.Clients {
		sum += p.Jobs
	}
	if sum != 200 {
		t.Errorf("the clients have %d jobs", sum)
	}
}

// TestStepsFollowClocks: days and hours are those of the zone, also on the days on which its clocks are changed.
func TestStepsFollowClocks(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(text string) time.Time {
		v, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for name, c := range map[string]struct {
		from, to string
		step     time.Duration
		starts   []string
		ended    map[string]int // by when, in which step
	}{
		"a day of 25 hours": {"2026-10-24T00:00:00+02:00", "2026-10-27T00:00:00+01:00", 24 * time.Hour,
			[]string{"2026-10-24T00:00:00+02:00", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"},
			map[string]int{"2026-10-25T23:30:00+01:00": 1, "2026-10-26T00:00:00+01:00": 2}},
		"a day of 23 hours": {"2026-03-28T00:00:00+01:00", "2026-03-30T00:00:00+02:00", 24 * time.Hour,
			[]string{"2026-03-28T00:00:00+01:00", "2026-03-29T00:00:00+01:00"}, map[string]int{"2026-03-29T23:59:00+02:00": 1, "2026-03-28T23:59:59+01:00": 0}},
		"quarters of it": {"2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00", 6 * time.Hour,
			[]string{"2026-10-25T00:00:00+02:00", "2026-10-25T06:00:00+01:00", "2026-10-25T12:00:00+01:00", "2026-10-25T18:00:00+01:00"}, map[string]int{"2026-10-25T05:30:00+01:00": 0}},
		"hours pass as they are": {"2026-10-25T01:00:00+02:00", "2026-10-25T04:00:00+01:00", time.Hour,
			[]string{"2026-10-25T01:00:00+02:00", "2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"}, map[string]int{"2026-10-25T02:30:00+01:00": 2}},
	} {
		t.Run(name, func(t *testing.T) {
			n := New(at(c.from).In(berlin), at(c.to).In(berlin), c.step)
			for when := range c.ended {
				n.Add(jobs.Job{Model: "m", State: jobs.Completed, Finished: at(when).UTC(), Created: at(when), Started: at(when)})
			}
			r := n.Report(false)
			var starts []string
			for _, s := range r.Over {
				starts = append(starts, s.Start.Format(time.RFC3339))
			}
			if d := cmp.Diff(c.starts, starts); d != "" {
				t.Error(d)
			}
			for when, i := range c.ended {
				if i >= len(r.Over) || r.Over[i].Jobs == 0 || r.Hours[at(when).In(berlin).Hour()].Jobs == 0 {
					t.Errorf("%s is not in step %d: %+v", when, i, r.Over)
				}
			}
			if r.Total.Jobs != int64(len(c.ended)) {
				t.Errorf("%d are counted", r.Total.Jobs)
			}
		})
	}
}
