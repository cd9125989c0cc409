package jobstest

import (
	"slices"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

func hooks(t *testing.T, o Open) {
	s := open(t, o)
	j := Job("m", "c", 0)
	j.Hook = &jobs.Hook{URL: "http://x/"}
	put(t, s, j)
	j.Rev = 1
	due := func() int {
		all, err := s.HooksDue(t.Context(), t0.Add(time.Hour), 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	if due() != 0 {
		t.Fatal("due before the end")
	}
	ended := change(t, s, change(t, s, j, run), func(j *jobs.Job) {
		finish(jobs.Completed, time.Minute)(j)
		j.Hook = &jobs.Hook{URL: "http://x/", Due: j.Finished}
	})
	if due() != 1 {
		t.Fatal("not due after the end")
	}
	change(t, s, ended, func(j *jobs.Job) { j.Hook = &jobs.Hook{URL: "http://x/", Delivered: t0} })
	if due() != 0 {
		t.Fatal("due after delivery")
	}
}

func tally(t *testing.T, o Open) {
	s := open(t, o)
	all := put(t, s, Job("m", "c", 0), Job("m", "c", 0), Job("m", "c", 0), Job("n", "c", 0))
	states := []jobs.State{jobs.Completed, jobs.Completed, jobs.Failed, jobs.Dead}
	for i, st := range states {
		change(t, s, change(t, s, all[i], run), finish(st, time.Duration(i+1)*10*time.Second))
	}
	m, err := s.Tally(t.Context(), "m")
	if err != nil {
		t.Fatal(err)
	}
	if m.Completed != 2 || m.Failed != 1 || m.Seconds != 30 || m.MinSeconds != 10 || m.MaxSeconds != 20 || m.MinPrompt != 12 || m.PromptBytes != 36 {
		t.Fatalf("tally %+v", m)
	}
	if len(m.Last) != 3 || m.Last[0].ID != all[2].ID || m.Last[0].State != jobs.Failed || !m.LastUse.Equal(t0.Add(30*time.Second)) {
		t.Fatalf("last %+v", m)
	}
	sum, err := s.Tally(t.Context(), "")
	if err != nil || sum.Ended() != 4 || sum.Dead != 1 {
		t.Fatalf("sum %+v, %v", sum, err)
	}
	got, _ := s.Get(t.Context(), all[0].ID)
	if err := s.Delete(t.Context(), got); err != nil {
		t.Fatal(err)
	}
	if again, _ := s.Tally(t.Context(), "m"); again.Completed != 2 {
		t.Fatal("retention changed the tally")
	}
}

func load(t *testing.T, o Open) {
	s := open(t, o)
	all := put(t, s, Job("m", "c", 0), Job("m", "c", 0), Job("n", "c", 0))
	r := change(t, s, all[0], run)
	check := func(model string, q, n int) {
		t.Helper()
		if gq, gn, err := s.Load(t.Context(), model); err != nil || gq != q || gn != n {
			t.Fatalf("load of %q: %d, %d, %v; want %d, %d", model, gq, gn, err, q, n)
		}
	}
	check("m", 1, 1)
	check("", 2, 1)
	if n, err := s.Queued(t.Context()); err != nil || n != 2 {
		t.Fatalf("queued: %d, %v", n, err)
	}
	change(t, s, r, finish(jobs.Completed, time.Second))
	check("m", 1, 0)
}

func nodes(t *testing.T, o Open) {
	s := open(t, o)
	for _, n := range []jobs.Node{{Name: "a", Warm: []string{"m"}, Free: 1, Seen: t0}, {Name: "b", Free: 2, Seen: t0.Add(-time.Minute)}} {
		if err := s.Beat(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Nodes(t.Context(), t0.Add(-time.Second))
	if err != nil || len(got) != 1 || got[0].Name != "a" || got[0].Free != 1 || len(got[0].Warm) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
}

func reopen(t *testing.T, o Open) {
	s := o(t)
	a := Job("m", "c", 0)
	a.Key = "k"
	all := put(t, s, a, Job("m", "c", 0))
	r := change(t, s, all[0], run)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatalf("second close: %v", err)
	}
	s = open(t, o)
	got, err := s.Get(t.Context(), r.ID)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "record", got, r)
	if q, n, err := s.Load(t.Context(), "m"); err != nil || q != 1 || n != 1 {
		t.Fatalf("load %d, %d, %v", q, n, err)
	}
	dup := Job("m", "c", 0)
	dup.Key = "k"
	if err := s.Insert(t.Context(), []jobs.Fresh{{Job: dup}}); err == nil {
		t.Fatal("the key was forgotten")
	}
}

// names holds drivers to treat names as data: separators and quotes mean nothing in them.
func names(t *testing.T, o Open) {
	s := open(t, o)
	for _, n := range []string{"a:b", "a\x1fb", "'; DROP TABLE job; --", "*", "{x}", "ü/../", " "} {
		j := Job(n, n, 0)
		j.Key, j.Batch = n, n
		put(t, s, j)
		same(t, n, list(t, s, jobs.Filter{Model: n, Client: n, Batch: n}), []string{j.ID})
		hs, err := s.Heads(t.Context(), t0)
		if err != nil || !slices.ContainsFunc(hs, func(h jobs.Head) bool { return h.ID == j.ID && h.Model == n && h.Client == n }) {
			t.Fatalf("%q: heads %+v, %v", n, hs, err)
		}
	}
}
