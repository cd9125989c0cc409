package jobs

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

func before(d time.Duration) time.Time { return noon.Add(-d) }

func h(id, model, client string, p Priority, age time.Duration) Head {
	return Head{Group: Group{model, p, client}, ID: id, Created: before(age)}
}

func TestChoose(t *testing.T) {
	p := Policy{AgeAfter: time.Minute, ModelWait: 3 * time.Minute, Models: 1, Slots: 2}
	a, b := Group{"a", Normal, "x"}, Group{"b", Normal, "x"}
	for name, tc := range map[string]struct {
		heads []Head
		facts Facts
		want  string
	}{
		"nothing":                  {nil, Facts{}, ""},
		"priority":                 {[]Head{h("1", "a", "x", Normal, 0), h("2", "a", "x", High, 0), h("3", "a", "x", Low, 0)}, Facts{}, "2"},
		"oldest first":             {[]Head{h("2", "a", "x", Normal, 0), h("1", "a", "y", Normal, 0)}, Facts{}, "1"},
		"age lifts":                {[]Head{h("1", "a", "x", High, 0), h("2", "a", "y", Low, 3*time.Minute)}, Facts{ClientTurn: map[string]time.Time{"x": before(time.Second)}}, "2"},
		"a backlog does not age":   {[]Head{h("1", "a", "x", Normal, time.Hour), h("2", "a", "y", High, 0)}, Facts{GroupTurn: map[Group]time.Time{a: before(time.Second)}}, "2"},
		"all slots taken":          {[]Head{h("1", "a", "x", Normal, 0)}, Facts{Running: []Group{a, a}}, ""},
		"model's concurrency":      {[]Head{h("1", "a", "x", Normal, 0)}, Facts{Running: []Group{a}}, ""},
		"concurrency of two":       {[]Head{h("1", "a", "x", Normal, 0)}, Facts{Running: []Group{a}, Concurrency: map[string]int{"a": 2}}, "1"},
		"a removed model":          {[]Head{h("1", "z", "x", High, time.Hour), h("2", "a", "x", Low, 0)}, Facts{Concurrency: map[string]int{"a": 1}}, "2"},
		"one model at a time":      {[]Head{h("1", "b", "x", Normal, 0)}, Facts{Running: []Group{a}}, ""},
		"batched by the running":   {[]Head{h("1", "b", "x", Normal, 0), h("2", "a", "x", Normal, 0)}, Facts{Running: []Group{a}, Concurrency: map[string]int{"a": 2, "b": 1}}, "2"},
		"batched by the warm":      {[]Head{h("1", "b", "x", Normal, 0), h("2", "a", "x", Normal, 0)}, Facts{Warm: map[string]bool{"a": true}}, "2"},
		"batched by the latest":    {[]Head{h("1", "b", "x", Normal, 0), h("2", "a", "x", Normal, 0)}, Facts{ModelTurn: map[string]time.Time{"a": before(time.Second)}}, "2"},
		"late model first":         {[]Head{h("1", "b", "x", Normal, 4*time.Minute), h("2", "a", "y", High, 0)}, Facts{Warm: map[string]bool{"a": true}}, "1"},
		"late model drains others": {[]Head{h("1", "b", "x", Low, 4*time.Minute), h("2", "a", "y", High, 0)}, Facts{Running: []Group{a}, Concurrency: map[string]int{"a": 2, "b": 1}}, ""},
		"late is since its turn":   {[]Head{h("1", "b", "x", Normal, time.Hour), h("2", "a", "y", Normal, 0)}, Facts{Warm: map[string]bool{"a": true}, ModelTurn: map[string]time.Time{"b": before(time.Second)}, GroupTurn: map[Group]time.Time{b: before(time.Second)}}, "2"},
		"a late one that cannot":   {[]Head{h("1", "z", "x", Normal, time.Hour), h("2", "a", "y", Normal, 0)}, Facts{Running: []Group{a}, Concurrency: map[string]int{"a": 2}}, "2"},
		"fewest running":           {[]Head{h("1", "a", "x", Normal, 0), h("2", "a", "y", Normal, 0)}, Facts{Running: []Group{a}, Concurrency: map[string]int{"a": 2}}, "2"},
		"longest ago":              {[]Head{h("1", "a", "x", Normal, 0), h("2", "a", "y", Normal, 0)}, Facts{ClientTurn: map[string]time.Time{"x": before(time.Second), "y": before(time.Minute)}}, "2"},
		"yields to a warm node":    {[]Head{h("1", "a", "x", Normal, time.Second)}, Facts{Elsewhere: map[string]bool{"a": true}, Yield: 2 * time.Second}, ""},
		"but not for long":         {[]Head{h("1", "a", "x", Normal, 3*time.Second)}, Facts{Elsewhere: map[string]bool{"a": true}, Yield: 2 * time.Second}, "1"},
	} {
		tc.facts.Now = noon
		got, ok := p.Choose(tc.heads, tc.facts)
		if got.ID != tc.want || ok != (tc.want != "") {
			t.Errorf("%s: chose %q, want %q", name, got.ID, tc.want)
		}
		if ok && !p.room(tc.facts) {
			t.Errorf("%s: there is no room, yet one was chosen", name)
		}
		slices.Reverse(tc.heads)
		if again, _ := p.Choose(tc.heads, tc.facts); again.ID != got.ID {
			t.Errorf("%s: the order of the heads matters: %q, then %q", name, got.ID, again.ID)
		}
	}
}

// order lists the jobs of a plan as they start.
func order(places map[string]Place) []string {
	out := make([]string, len(places))
	for id, p := range places {
		out[p.Position-1] = id
	}
	return out
}

func entries(g Group, n int) (out []Entry) {
	for i := range n {
		out = append(out, Entry{Group: g, ID: fmt.Sprintf("%s-%s-%04d", g.Client, g.Model, i), Ready: before(time.Second)})
	}
	return out
}

func always(d time.Duration) func(Head, bool) time.Duration {
	return func(Head, bool) time.Duration { return d }
}

func TestPlanTimes(t *testing.T) {
	p := Policy{}.WithDefaults()
	g := Group{"a", Normal, "x"}
	places := p.Plan(entries(g, 3), []Remaining{{g, 4 * time.Second}}, Facts{Now: noon}, always(10*time.Second))
	for i, want := range []time.Duration{14, 24, 34} {
		pl := places[fmt.Sprintf("x-a-%04d", i)]
		if pl.Position != i+1 || !pl.End.Equal(noon.Add(want*time.Second)) {
			t.Errorf("job %d: %+v, want end %s", i, pl, want*time.Second)
		}
	}
	if pl := p.Plan(entries(g, 1), []Remaining{{g, -1}}, Facts{Now: noon}, always(time.Second))["x-a-0000"]; pl.Position != 1 || !pl.End.IsZero() {
		t.Errorf("an unknown time ahead must leave the time unknown: %+v", pl)
	}
}

func TestPlanIsFairToClients(t *testing.T) {
	p := Policy{}.WithDefaults()
	got := order(p.Plan(append(entries(Group{"a", Normal, "big"}, 100), entries(Group{"a", Normal, "small"}, 2)...), nil, Facts{Now: noon}, always(time.Second)))
	if i := slices.Index(got, "small-a-0001"); i > 4 {
		t.Fatalf("the small client's second job is number %d", i+1)
	}
}

func TestPlanBatchesModelsWithABound(t *testing.T) {
	p := Policy{ModelWait: time.Minute}.WithDefaults()
	got := order(p.Plan(append(entries(Group{"a", Normal, "x"}, 60), entries(Group{"b", Normal, "x"}, 60)...), nil, Facts{Now: noon}, always(10*time.Second)))
	swaps, longest, run := 0, 0, 1
	for i := 1; i < len(got); i++ {
		if got[i][2] != got[i-1][2] {
			swaps, longest, run = swaps+1, max(longest, run), 0
		}
		run++
	}
	if swaps > 24 || longest > 8 {
		t.Fatalf("%d swaps, at most %d jobs in a row: want batches of about a minute", swaps, longest)
	}
}

// TestNobodyStarves keeps a stream of high jobs coming and asks that a low one starts within two ages.
func TestNobodyStarves(t *testing.T) {
	p := Policy{AgeAfter: time.Minute}.WithDefaults()
	low := Head{Group: Group{"a", Low, "l"}, ID: "low", Created: noon}
	f := Facts{GroupTurn: map[Group]time.Time{}, ClientTurn: map[string]time.Time{}, ModelTurn: map[string]time.Time{}}
	for i := range 40 {
		f.Now = noon.Add(time.Duration(i) * 10 * time.Second)
		high := Head{Group: Group{"a", High, "h"}, ID: fmt.Sprintf("h%03d", i), Created: f.Now}
		got, _ := p.Choose([]Head{high, low}, f)
		if got.ID == "low" {
			if f.Now.Sub(noon) > 2*time.Minute+10*time.Second {
				t.Fatalf("the low job started after %s", f.Now.Sub(noon))
			}
			return
		}
		f.GroupTurn[got.Group], f.ClientTurn[got.Client], f.ModelTurn[got.Model] = f.Now, f.Now, f.Now
	}
	t.Fatal("the low job never started")
}

func BenchmarkPlan10k(b *testing.B) {
	p := Policy{}.WithDefaults()
	var all []Entry
	for c := range 50 {
		all = append(all, entries(Group{"a", Normal, fmt.Sprint("c", c)}, 200)...)
	}
	for b.Loop() {
		p.Plan(all, nil, Facts{Now: noon}, always(time.Minute))
	}
}

func TestBackoff(t *testing.T) {
	b := Backoff{Base: 2 * time.Second, Max: time.Minute}
	for n, want := range map[int]time.Duration{1: 2 * time.Second, 2: 4 * time.Second, 5: 32 * time.Second, 6: time.Minute, 500: time.Minute} {
		if lo, hi := b.After(n, 0), b.After(n, 0.999999); lo != want/2 || hi > want || hi < want-time.Millisecond {
			t.Errorf("after failure %d: %s…%s, want %s…%s", n, lo, hi, want/2, want)
		}
	}
}

func TestSettle(t *testing.T) {
	c := Config{Retry: Backoff{time.Second, time.Second}, MaxInterruptions: 2}.WithDefaults()
	running := Job{State: Running, Attempts: 1, MaxAttempts: 2, Lease: &Lease{}, Hook: &Hook{}}
	again := running
	again.Attempts = 2
	asked := running
	asked.CancelAsked = true
	worn := running
	worn.Interruptions = 2
	soft, hard := &Problem{Retryable: true}, &Problem{}
	for name, tc := range map[string]struct {
		got      Job
		state    State
		attempts int
	}{
		"done":                  {settle(running, outcome{result: &Result{}}, c, noon), Completed, 1},
		"done beats the cancel": {settle(asked, outcome{result: &Result{}}, c, noon), Completed, 1},
		"cancelled":             {settle(running, outcome{cause: errCancelled}, c, noon), Cancelled, 1},
		"cancelled and failed":  {settle(asked, outcome{problem: soft}, c, noon), Cancelled, 1},
		"stopping":              {settle(running, outcome{cause: errStopping}, c, noon), Queued, 0},
		"stopping, cancelled":   {settle(asked, outcome{cause: errStopping}, c, noon), Cancelled, 1},
		"disk full":             {settle(running, outcome{cause: ErrDiskFull}, c, noon), Queued, 0},
		"lost, yet kept":        {settle(running, outcome{cause: errLost}, c, noon), Queued, 0},
		"deadline":              {settle(running, outcome{cause: errDeadline}, c, noon), Failed, 1},
		"soft, more to come":    {settle(running, outcome{problem: soft}, c, noon), Queued, 1},
		"soft, used up":         {settle(again, outcome{problem: soft}, c, noon), Dead, 2},
		"hard":                  {settle(running, outcome{problem: hard}, c, noon), Failed, 1},
		"interrupted":           {interrupted(running, c, noon), Queued, 0},
		"interrupted too often": {interrupted(worn, c, noon), Dead, 0},
		"interrupted, asked":    {interrupted(asked, c, noon), Cancelled, 1},
	} {
		j := tc.got
		if j.State != tc.state || j.Attempts != tc.attempts || j.Lease != nil {
			t.Errorf("%s: %s after %d attempts, want %s after %d", name, j.State, j.Attempts, tc.state, tc.attempts)
		}
		if j.State.Ended() != (!j.Finished.IsZero() && !j.Hook.Due.IsZero()) {
			t.Errorf("%s: end and hook disagree: %+v", name, j)
		}
	}
	if running.Hook.Due != (time.Time{}) {
		t.Error("settle changed what it was given")
	}
}

// TestAClipThatNeverFits: the longer a job has run in vain, the longer it waits for the disk, and no longer than any failed one.
func TestAClipThatNeverFits(t *testing.T) {
	c, now := Config{}.WithDefaults(), time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	j := Job{State: Running, Started: now, Attempts: 1}
	var pauses []time.Duration
	for range 25 {
		ended := now.Add(15 * time.Second)
		j = settle(j, outcome{cause: ErrDiskFull}, c, ended)
		pauses = append(pauses, j.Ready.Sub(ended).Round(time.Second))
		now = j.Ready
		j.State, j.Started = Running, now
	}
	if pauses[0] < 15*time.Second || pauses[len(pauses)-1] != c.Retry.Max {
		t.Error(pauses)
	}
	for i := range pauses[1:] {
		if pauses[i+1] < pauses[i] || pauses[i+1] > c.Retry.Max {
			t.Error(pauses)
		}
	}
}
