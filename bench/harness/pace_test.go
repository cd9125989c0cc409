package harness

import (
	"context"
	"errors"
	"testing"
	"time"
)

// One slow answer must show in the calls that were due behind it.
func TestPaceCountsFromWhenACallWasDue(t *testing.T) {
	s, err := Pace(t.Context(), 1000, 1, 50, func(_ context.Context, i int) error {
		if i == 0 {
			time.Sleep(100 * time.Millisecond)
		}
		return nil
	})
	if err != nil || s.N() != 50 {
		t.Fatal(s, err)
	}
	if p50 := s.Ms(50); p50 < 20 { // 50 arrivals within some 50 ms, all of them behind the first
		t.Errorf("p50 is %v ms: the wait behind the slow call is left out", p50)
	}
}

func TestPaceStopsAtTheFirstError(t *testing.T) {
	boom := errors.New("boom")
	if _, err := Pace(t.Context(), 1e6, 4, 100, func(context.Context, int) error { return boom }); !errors.Is(err, boom) {
		t.Fatal(err)
	}
}

func TestRoundsAndTiming(t *testing.T) {
	s := NewSamples()
	for i := range 100 {
		s.Add(time.Duration(1+i/10) * time.Millisecond)
	}
	if r := s.rounds(50); len(r) != 10 || r[0] != 1 || r[9] != 10 {
		t.Errorf("rounds %v", r)
	}
	var tm Timing
	tm.Add("queue;dur=1, create;dur=20.5, total;dur=30")
	tm.Add("queue;dur=3, create;dur=21.5, total;dur=32")
	got := tm.Phases()
	if len(got) != 3 || got[0] != (Phase{"queue", 2}) || got[1] != (Phase{"create", 21}) {
		t.Errorf("%v", got)
	}
}
