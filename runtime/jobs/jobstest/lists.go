package jobstest

import (
	"slices"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

func list(t *testing.T, s jobs.Backend, f jobs.Filter) []string {
	t.Helper()
	all, err := s.List(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, j := range all {
		ids = append(ids, j.ID)
	}
	return ids
}

func listFilters(t *testing.T, o Open) {
	s := open(t, o)
	a, b, c := Job("m", "x", 0), Job("m", "y", 0), Job("n", "x", 0)
	b.Batch = "B"
	put(t, s, a, b, c)
	a.Rev, b.Rev = 1, 1
	change(t, s, change(t, s, a, run), finish(jobs.Completed, time.Minute))
	for name, tc := range map[string]struct {
		f    jobs.Filter
		want []string
	}{
		"all":    {jobs.Filter{}, []string{c.ID, b.ID, a.ID}},
		"model":  {jobs.Filter{Model: "m"}, []string{b.ID, a.ID}},
		"client": {jobs.Filter{Client: "x"}, []string{c.ID, a.ID}},
		"batch":  {jobs.Filter{Batch: "B"}, []string{b.ID}},
		"state":  {jobs.Filter{States: []jobs.State{jobs.Queued}}, []string{c.ID, b.ID}},
		"both":   {jobs.Filter{Model: "m", States: []jobs.State{jobs.Queued, jobs.Running}}, []string{b.ID}},
		"ended":  {jobs.Filter{EndedBefore: t0.Add(2 * time.Minute)}, []string{a.ID}},
		"early":  {jobs.Filter{EndedBefore: t0.Add(time.Second)}, []string{}},
		"oldest": {jobs.Filter{OldestFirst: true, Limit: 2}, []string{a.ID, b.ID}},
		"none":   {jobs.Filter{Model: "zz"}, []string{}},
	} {
		same(t, name, list(t, s, tc.f), tc.want)
	}
}

func listPages(t *testing.T, o Open) {
	s := open(t, o)
	var want []string
	for i := range 25 {
		j := Job([]string{"m", "n"}[i%2], "c", 0)
		put(t, s, j)
		want = append(want, j.ID)
	}
	pages := func(f jobs.Filter) []string {
		got := []string{}
		for {
			page := list(t, s, f)
			if len(page) == 0 {
				return got
			}
			got, f.Before = append(got, page...), page[len(page)-1]
		}
	}
	same(t, "oldest first", pages(jobs.Filter{Limit: 7, OldestFirst: true}), want)
	slices.Reverse(want)
	same(t, "pages", pages(jobs.Filter{Limit: 7}), want)
	same(t, "of a client", pages(jobs.Filter{Limit: 7, Client: "c"}), want)
	same(t, "of nobody", pages(jobs.Filter{Limit: 7, Client: "nobody"}), []string{})
}

// reordered: a queued job that gets another priority is in that group alone, at its time of submission, now and after a restart.
func reordered(t *testing.T, o Open) {
	s := o(t)
	first := put(t, s, Job("m", "c", jobs.Low))[0]
	later := put(t, s, Job("m", "c", jobs.High))[0]
	waits := Job("m", "c", jobs.Normal)
	waits.Ready = t0.Add(time.Hour) // a backoff
	waits = put(t, s, waits)[0]
	same(t, "before", headIDs(t, s, t0), sorted(first.ID, later.ID))
	change(t, s, first, func(j *jobs.Job) { j.Priority = jobs.High })
	change(t, s, waits, func(j *jobs.Job) { j.Priority = jobs.Low })
	for range 2 {
		hs, err := s.Heads(t.Context(), t0)
		if err != nil || len(hs) != 1 || hs[0].ID != first.ID || hs[0].Priority != jobs.High {
			t.Fatalf("heads %+v, %v", hs, err)
		}
		all, err := s.Waiting(t.Context(), 10)
		if err != nil || len(all) != 3 {
			t.Fatalf("waiting %+v, %v", all, err)
		}
		for _, e := range all {
			if want := map[string]jobs.Priority{first.ID: jobs.High, later.ID: jobs.High, waits.ID: jobs.Low}[e.ID]; e.Priority != want {
				t.Fatalf("%s waits as %s, want %s", e.ID, e.Priority, want)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, o)
	}
	same(t, "when the backoff is over", headIDs(t, s, t0.Add(2*time.Hour)), sorted(first.ID, waits.ID))
}

func headIDs(t *testing.T, s jobs.Backend, now time.Time) []string {
	t.Helper()
	hs, err := s.Heads(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, h := range hs {
		ids = append(ids, h.ID)
	}
	slices.Sort(ids)
	return ids
}

func heads(t *testing.T, o Open) {
	s := open(t, o)
	a, b := Job("m", "c", 0), Job("m", "c", 0)
	c, d, e := Job("m", "c", jobs.High), Job("m", "d", 0), Job("n", "c", 0)
	put(t, s, a, b, c, d, e)
	same(t, "heads", headIDs(t, s, t0), []string{a.ID, c.ID, d.ID, e.ID})
	hs, _ := s.Heads(t.Context(), t0)
	for _, h := range hs {
		if h.ID == c.ID && (h.Group != jobs.Group{Model: "m", Priority: jobs.High, Client: "c"} || !h.Created.Equal(t0)) {
			t.Fatalf("head %+v", h)
		}
	}
	a.Rev = 1
	ra := change(t, s, a, run)
	same(t, "after a claim", headIDs(t, s, t0), []string{b.ID, c.ID, d.ID, e.ID})
	change(t, s, ra, func(j *jobs.Job) { j.State, j.Lease = jobs.Queued, nil })
	same(t, "after a requeue", headIDs(t, s, t0), []string{a.ID, c.ID, d.ID, e.ID})
}

func headsReady(t *testing.T, o Open) {
	s := open(t, o)
	a, b := Job("m", "c", 0), Job("m", "c", 0)
	put(t, s, a, b)
	a.Rev = 1
	change(t, s, change(t, s, a, run), func(j *jobs.Job) { j.State, j.Lease, j.Ready = jobs.Queued, nil, t0.Add(time.Minute) })
	same(t, "during the backoff", headIDs(t, s, t0.Add(time.Second)), []string{b.ID})
	same(t, "after it", headIDs(t, s, t0.Add(time.Minute)), []string{a.ID})
	w, err := s.Waiting(t.Context(), 10)
	if err != nil || len(w) != 2 {
		t.Fatalf("waiting: %v, %v", w, err)
	}
}

func waiting(t *testing.T, o Open) {
	s := open(t, o)
	all := put(t, s, Job("m", "c", 0), Job("m", "c", 0), Job("m", "d", 0))
	got, err := s.Waiting(t.Context(), 10)
	if err != nil || len(got) != 3 {
		t.Fatalf("%v, %v", got, err)
	}
	i := slices.IndexFunc(got, func(e jobs.Entry) bool { return e.ID == all[0].ID })
	j := slices.IndexFunc(got, func(e jobs.Entry) bool { return e.ID == all[1].ID })
	if i > j || !got[i].Ready.Equal(t0) {
		t.Fatalf("order within a group: %v", got)
	}
	if got, err = s.Waiting(t.Context(), 2); err != nil || len(got) != 2 {
		t.Fatalf("limit: %v, %v", got, err)
	}
}

func overdue(t *testing.T, o Open) {
	s := open(t, o)
	a, b, c := Job("m", "c", 0), Job("m", "c", 0), Job("m", "c", 0)
	b.Deadline = t0.Add(time.Second)
	c.Deadline = time.Time{}
	put(t, s, a, b, c)
	a.Rev = 1
	change(t, s, a, run)
	ids := func(at time.Time) []string {
		out := []string{}
		all, err := s.Overdue(t.Context(), at, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range all {
			out = append(out, j.ID)
		}
		return out
	}
	same(t, "at once", ids(t0), []string{})
	same(t, "past the deadline", ids(t0.Add(2*time.Second)), []string{b.ID})
	same(t, "past the lease", ids(t0.Add(2*time.Minute)), []string{b.ID, a.ID})
}
