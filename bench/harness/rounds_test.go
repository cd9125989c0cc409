package harness

import (
	"context"
	"os"
	"testing"
)

func TestSharesAddUp(t *testing.T) {
	for _, n := range []int{0, 1, 3, 10, 57, 2000} {
		sum := 0
		for round := range RoundCount {
			sum += Share(n, round)
		}
		if sum != n {
			t.Errorf("the shares of %d add up to %d", n, sum)
		}
	}
}

// A program must not go on before it is granted a turn, and must ask for each.
func TestRoundsWaitForTheirTurns(t *testing.T) {
	asked, ask := pipe(t)
	granted, grant := pipe(t)
	taking = &turnTaking{ask, granted}
	defer func() { taking = nil }()
	began, done := make(chan int, RoundCount), make(chan error, 1)
	go func() {
		done <- Rounds(t.Context(), func(_ context.Context, round int) error { began <- round; return nil })
	}()
	for round := range RoundCount {
		if _, err := asked.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if len(began) != 0 {
			t.Fatalf("round %d began before its turn", round)
		}
		grant.Write([]byte{'!'})
		if got := <-began; got != round {
			t.Fatalf("round %d, want %d", got, round)
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestRoundsEndWithTheSuite(t *testing.T) {
	_, ask := pipe(t)
	granted, grant := pipe(t)
	taking = &turnTaking{ask, granted}
	defer func() { taking = nil }()
	grant.Close()
	if err := Rounds(t.Context(), func(context.Context, int) error { return nil }); err == nil {
		t.Error("a program goes on although the suite has gone")
	}
}

func pipe(t *testing.T) (r, w *os.File) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

func TestStateIsToldByTheTiming(t *testing.T) {
	plain, spare, back := "queue;dur=1, create;dur=60, start;dur=12, cold", "start;dur=12, init;dur=3, cold", "create;dur=9, restore;dur=80, cold"
	for _, c := range []struct {
		state  State
		timing string
		ok     bool
	}{{Absent, plain, true}, {Absent, back, false}, {Absent, "run;dur=1", false}, {Staged, spare, true}, {Staged, plain, false}, {Snapshot, back, true}, {Snapshot, plain, false}} {
		if err := c.state.phase(c.timing); (err == nil) != c.ok {
			t.Errorf("%s, %s: %v", c.state, c.timing, err)
		}
	}
}

func TestLimits(t *testing.T) {
	r := NewReport("x")
	r.Figure("a", 31)
	for limit, met := range map[string]bool{"≤ 30": false, "≤ 31": true, "≥ 31": true, "≥ 32": false, "= 0": false, "= 31": true} {
		if r.Want("a", limit); r.Met("a") != met {
			t.Errorf("31 %s: %v", limit, !met)
		}
	}
	if r.Want("b", "= 0"); r.Limits["b"] != "" {
		t.Error("a figure that is not there has a limit")
	}
}

func TestSizes(t *testing.T) {
	if n, err := ParseSize("64KiB"); n != 64<<10 || err != nil {
		t.Error(n, err)
	}
	for _, bad := range []string{"", "8", "8GB", "-1MiB", "MiB"} {
		if _, err := ParseSize(bad); err == nil {
			t.Errorf("%q is a size", bad)
		}
	}
	if s := ShortSize("8GiB"); s != "8gb" {
		t.Error(s)
	}
}
