package jobs

import (
	"math"
	"testing"
	"time"
)

func clip(work, seconds, start float64) Job {
	at := time.Unix(1000, 0)
	j := Job{Model: "m", State: Completed, Work: work, Started: at, Finished: at.Add(time.Duration((seconds + start) * 1e9)), Took: seconds + start}
	if start > 0 {
		j.Timing = &Timing{Cold: true, Start: start}
	}
	return j
}

func about(t *testing.T, what string, got, want, share float64) {
	t.Helper()
	if math.Abs(got-want) > share*want {
		t.Errorf("%s: %g s, want %g within %g", what, got, want, share)
	}
}

// What a clip should take goes with how much there is to do for it.
func TestExpectationsGoWithTheWork(t *testing.T) {
	m := &measured{mean: 5}
	about(t, "what was counted alone", m.expect(100), 5, 0)
	m.add(clip(100, 10, 0))
	about(t, "the same again", m.expect(100), 10, 1e-9)
	about(t, "six times as much", m.expect(600), 60, 1e-6)
	about(t, "a tenth", m.expect(10), 1, 1e-6)
	about(t, "of a size that is not known", m.expect(0), 10, 0)
	m.add(clip(103, 14, 0)) // noise, which says nothing about other sizes
	about(t, "after two of nearly one size", m.expect(1000), 120, 0.15)

	fixed := &measured{} // ten seconds whatever is asked for, and a tenth for each frame
	for _, frames := range []float64{24, 48, 240, 24, 480} {
		fixed.add(clip(frames, 10+frames/10, 0))
	}
	about(t, "with a fixed part, short", fixed.expect(24), 12.4, 0.1)
	about(t, "with a fixed part, long", fixed.expect(480), 58, 0.15)
	about(t, "with a fixed part, longer than any", fixed.expect(1440), 154, 0.35)

	square := &measured{} // attention over all frames
	for _, frames := range []float64{17, 33, 65} {
		square.add(clip(frames, frames*frames/100, 0))
	}
	about(t, "that grows with the square", square.expect(129), 129*129/100.0, 0.2)
}

// The newest clips weigh most: a model that has become slower is expected so.
func TestExpectationsFollow(t *testing.T) {
	m := &measured{}
	for range 3 * sampled {
		m.add(clip(100, 10, 0))
	}
	for range 12 {
		m.add(clip(100, 20, 0))
	}
	about(t, "after twelve slower ones", m.expect(100), 20, 0.15)
	if len(m.clips) != sampled {
		t.Errorf("%d are remembered", len(m.clips))
	}
}

// What an instance needs to come up is no part of the clip, and is expected of those that begin cold.
func TestExpectationsKeepTheStartApart(t *testing.T) {
	m := &measured{}
	m.add(clip(100, 10, 30))
	about(t, "warm", m.expect(100), 10, 1e-9)
	about(t, "its start", m.cold, 30, 1e-9)
	s := &Service{measured: map[string]*measured{"m": m}}
	if cold := s.expectation("m", 100, true); cold != 40*time.Second {
		t.Errorf("cold it is %s", cold)
	}
	if none := s.expectation("other", 100, true); none != 0 {
		t.Errorf("of a model without clips %s", none)
	}
}

// How long an attempt ran does not count what its job waited afterwards.
func TestAnEndedJobTookWhatItsAttemptRan(t *testing.T) {
	at := time.Unix(1000, 0).UTC()
	c := Config{}.WithDefaults()
	run := Job{State: Running, Started: at, Attempts: 1, MaxAttempts: 3, Lease: &Lease{Until: at.Add(c.Lease)}}
	waits := settle(run, outcome{problem: &Problem{Retryable: true}}, c, at.Add(4*time.Second))
	if got := end(waits, Cancelled, at.Add(time.Hour)).Seconds(); waits.State != Queued || got != 4 {
		t.Errorf("cancelled while it waits for its next attempt it took %g s, want 4 (%s)", got, waits.State)
	}
	waits.State, waits.Started = Running, at.Add(time.Minute)
	if got := settle(waits, outcome{cause: errCancelled}, c, at.Add(time.Minute+2*time.Second)).Seconds(); got != 2 {
		t.Errorf("cancelled in its second attempt it took %g s, want 2", got)
	}
	if got := end(Job{State: Queued, Created: at}, Cancelled, at.Add(time.Hour)).Seconds(); got != 0 {
		t.Errorf("cancelled before any attempt it took %g s", got)
	}
	lost := interrupted(run, Config{Lease: c.Lease}, at.Add(time.Hour)) // its lease was never renewed
	if got := end(lost, Cancelled, at.Add(2*time.Hour)).Seconds(); got > c.Lease.Seconds() {
		t.Errorf("after its node was gone it took %g s", got)
	}
	old := Job{State: Cancelled, Started: at, Finished: at.Add(time.Hour), Ran: 4}
	if got := old.Seconds(); got != 4 {
		t.Errorf("of a record without it %g s", got)
	}
}
