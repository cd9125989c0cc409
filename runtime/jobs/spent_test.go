package jobs

import (
	"testing"
	"time"
)

// TestEveryAttemptCounts: what a client or a report is told of computing is of all attempts, each with its own GPUs.
func TestEveryAttemptCounts(t *testing.T) {
	c := Config{Lease: 15 * time.Second}.WithDefaults()
	soft := &Problem{Retryable: true}
	j := Job{State: Running, Attempts: 1, MaxAttempts: 9, Started: noon, GPUs: 1, Lease: &Lease{}}
	at := func(s int) time.Time { return noon.Add(time.Duration(s) * time.Second) }
	run := func(from, gpus int) {
		j.State, j.Started, j.GPUs, j.Lease = Running, at(from), gpus, &Lease{Until: at(from + 10).Add(c.Lease)}
	}
	j = settle(j, outcome{problem: soft}, c, at(10)) // 10 s on one
	run(100, 2)
	j = settle(j, outcome{cause: errStopping}, c, at(105)) // 5 s on two
	run(200, 2)
	j = interrupted(j, c, at(900)) // its node was heard of for the last time after 10 s
	j = settle(j, outcome{cause: errDeadline}, c, at(1000))
	if seconds, gpus := j.Spent(); seconds != 25 || gpus != 40 {
		t.Errorf("%v s, %v GPU s: want 25 and 40", seconds, gpus)
	}
	old := Job{State: Completed, Started: noon, Finished: at(7), Timing: &Timing{GPUs: 3}}
	if seconds, gpus := old.Spent(); seconds != 7 || gpus != 21 {
		t.Errorf("a record of before: %v s, %v GPU s", seconds, gpus)
	}
}

func TestTheLedgerKnowsTheDay(t *testing.T) {
	l, day := newLedger(), dayOf(noon)
	l.ran(Job{Client: "a", Started: day.Add(-time.Minute), GPUs: 2}, day.Add(10*time.Second), noon) // begun yesterday
	l.ranBefore(Job{Client: "b", State: Completed, Created: day.Add(-time.Hour), Finished: day.Add(5 * time.Second), Ran: 100, GPURan: 100, GPUs: 1}, noon)
	l.ranBefore(Job{Client: "c", State: Queued, Created: day.Add(time.Hour), Ran: 30, GPURan: 60, GPUs: 2}, noon)
	for client, want := range map[string]float64{"a": 20, "b": 5, "c": 60} {
		if got, _ := l.used(client, noon); got != want {
			t.Errorf("%s has used %v s, not %v", client, got, want)
		}
	}
	if got, _ := l.used("a", noon.Add(24*time.Hour)); got != 0 {
		t.Errorf("%v s of yesterday", got)
	}
}
