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
	holds := func(client, key, want string) {
		t.Helper()
		if id, err := s.Taken(t.Context(), client, key); err != nil || id != want {
			t.Fatalf("the key %q of %q belongs to %q, not %q: %v", key, client, id, want, err)
		}
	}
	holds("c", "k", a.ID)
	holds("other", "k", c.ID)
	holds("c", "none", "")
	got, _ := s.Get(t.Context(), a.ID)
	if err := s.Delete(t.Context(), got); err != nil {
		t.Fatal(err)
	}
	holds("c", "k", "")
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

func sorted(ids ...string) []string { slices.Sort(ids); return ids }
