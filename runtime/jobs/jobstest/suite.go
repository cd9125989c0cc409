// Package jobstest holds the conformance suite that every jobs.Backend passes, and a scripted Runner for tests of what
// is built on the queue.
package jobstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// Open opens the same store anew; the suite closes what it gets.
type Open func(t *testing.T) jobs.Backend

// Run holds a driver to the contract of jobs.Backend. fresh makes an empty store and gives the function that opens it
// again, as after a restart.
func Run(t *testing.T, fresh func(t *testing.T) Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"InsertGetPayload": insertGet, "KeyTaken": keyTaken, "InsertAllOrNone": allOrNone, "Swap": swap, "SwapRace": swapRace,
		"Delete": remove, "ListFilters": listFilters, "ListPages": listPages, "Heads": heads, "HeadsReady": headsReady,
		"Waiting": waiting, "Overdue": overdue, "Hooks": hooks, "Tally": tally, "Load": load, "Nodes": nodes,
		"Reopen": reopen, "Names": names, "Reordered": reordered,
	} {
		t.Run(name, func(t *testing.T) { test(t, fresh(t)) })
	}
}

var t0 = time.Date(2030, 1, 2, 3, 4, 5, 6000, time.UTC)

// Job makes a queued job for tests.
func Job(model, client string, p jobs.Priority) jobs.Job {
	return jobs.Job{
		ID: uuid.Must(uuid.NewV7()).String(), Model: model, Function: "fn-" + model, Client: client, Priority: p,
		State: jobs.Queued, Request: Ask("a red circle"), Created: t0, Ready: t0, Deadline: t0.Add(time.Hour), MaxAttempts: 3,
	}
}

func open(t *testing.T, o Open) jobs.Backend {
	t.Helper()
	s := o(t)
	t.Cleanup(func() { s.Close() })
	return s
}

func put(t *testing.T, s jobs.Backend, all ...jobs.Job) []jobs.Job {
	t.Helper()
	for i := range all {
		if err := s.Insert(t.Context(), []jobs.Fresh{{Job: all[i], Payload: []byte(all[i].ID)}}); err != nil {
			t.Fatal(err)
		}
		all[i].Rev = 1
	}
	return all
}

func change(t *testing.T, s jobs.Backend, j jobs.Job, fn func(*jobs.Job)) jobs.Job {
	t.Helper()
	next := j
	fn(&next)
	got, err := s.Swap(t.Context(), j, next)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func run(j *jobs.Job) {
	j.State, j.Token, j.Attempts, j.Started = jobs.Running, j.Token+1, j.Attempts+1, t0
	j.Lease = &jobs.Lease{Node: "n/1", Token: j.Token, Until: t0.Add(time.Minute)}
}

func finish(s jobs.State, after time.Duration) func(*jobs.Job) {
	return func(j *jobs.Job) { j.State, j.Lease, j.Finished = s, nil, t0.Add(after) }
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("%s (-want +got):\n%s", what, d)
	}
}

func insertGet(t *testing.T, o Open) {
	s := open(t, o)
	j := Job("m", "c", jobs.High)
	j.Request, j.Hook = json.RawMessage(`{"prompt":"a red circle","seed":7}`), &jobs.Hook{URL: "http://x/"}
	put(t, s, j)
	j.Rev = 1
	got, err := s.Get(t.Context(), j.ID)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "record", got, j)
	if b, err := s.Payload(t.Context(), j.ID); err != nil || string(b) != j.ID {
		t.Fatalf("payload %q, %v", b, err)
	}
	if _, err := s.Get(t.Context(), "none"); !errdefs.IsNotFound(err) {
		t.Fatalf("missing job: %v", err)
	}
	if _, err := s.Payload(t.Context(), "none"); !errdefs.IsNotFound(err) {
		t.Fatalf("missing payload: %v", err)
	}
}

func keyTaken(t *testing.T, o Open) {
	s := open(t, o)
	a, b, c := Job("m", "c", 0), Job("m", "c", 0), Job("m", "other", 0)
	a.Key, b.Key, c.Key = "k", "k", "k"
	put(t, s, a)
	err := s.Insert(t.Context(), []jobs.Fresh{{Job: b}})
	var taken *jobs.KeyTakenError
	if !errors.As(err, &taken) || taken.ID != a.ID {
		t.Fatalf("second use of a key: %v", err)
	}
	if _, err := s.Get(t.Context(), b.ID); !errdefs.IsNotFound(err) {
		t.Fatalf("the refused job is there: %v", err)
	}
	put(t, s, c)
	got, _ := s.Get(t.Context(), a.ID)
	if err := s.Delete(t.Context(), got); err != nil {
		t.Fatal(err)
	}
	put(t, s, b)
}

func allOrNone(t *testing.T, o Open) {
	s := open(t, o)
	a, b, c := Job("m", "c", 0), Job("m", "c", 0), Job("m", "c", 0)
	a.Key, c.Key = "k", "k"
	put(t, s, a)
	if err := s.Insert(t.Context(), []jobs.Fresh{{Job: b}, {Job: c}}); err == nil {
		t.Fatal("a batch with a taken key was inserted")
	}
	if _, err := s.Get(t.Context(), b.ID); !errdefs.IsNotFound(err) {
		t.Fatalf("half a batch is there: %v", err)
	}
}

func swap(t *testing.T, o Open) {
	s := open(t, o)
	j := put(t, s, Job("m", "c", 0))[0]
	r := change(t, s, j, run)
	if r.Rev != 2 {
		t.Fatalf("revision %d", r.Rev)
	}
	got, err := s.Get(t.Context(), j.ID)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "record", got, r)
	if _, err := s.Swap(t.Context(), j, r); !errdefs.IsFailedPrecondition(err) {
		t.Fatalf("an old revision was taken: %v", err)
	}
	gone := Job("m", "c", 0)
	gone.Rev = 1
	if _, err := s.Swap(t.Context(), gone, gone); !errdefs.IsNotFound(err) {
		t.Fatalf("swap of a missing job: %v", err)
	}
}

func swapRace(t *testing.T, o Open) {
	s := open(t, o)
	j := put(t, s, Job("m", "c", 0))[0]
	var wg sync.WaitGroup
	won := make(chan int, 16)
	for i := range 16 {
		wg.Go(func() {
			next := j
			run(&next)
			next.Lease.Node = fmt.Sprint(i)
			if _, err := s.Swap(context.Background(), j, next); err == nil {
				won <- i
			} else if !errdefs.IsFailedPrecondition(err) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(won) != 1 {
		t.Fatalf("%d claims of one job succeeded", len(won))
	}
	if got, _ := s.Get(t.Context(), j.ID); got.Lease.Node != fmt.Sprint(<-won) {
		t.Fatalf("the record is not the winner's: %+v", got.Lease)
	}
}

func remove(t *testing.T, o Open) {
	s := open(t, o)
	j := put(t, s, Job("m", "c", 0))[0]
	newer := change(t, s, j, run)
	if err := s.Delete(t.Context(), j); !errdefs.IsFailedPrecondition(err) {
		t.Fatalf("delete of an old revision: %v", err)
	}
	if err := s.Delete(t.Context(), newer); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), newer); !errdefs.IsNotFound(err) {
		t.Fatalf("second delete: %v", err)
	}
	if _, err := s.Payload(t.Context(), j.ID); !errdefs.IsNotFound(err) {
		t.Fatalf("payload of a deleted job: %v", err)
	}
	if l := list(t, s, jobs.Filter{}); len(l) != 0 {
		t.Fatalf("listed: %v", l)
	}
	if due, err := s.Overdue(t.Context(), t0.Add(time.Hour*48), 10); err != nil || len(due) != 0 {
		t.Fatalf("overdue: %v, %v", due, err)
	}
}

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

func sorted(ids ...string) []string { slices.Sort(ids); return ids }

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
