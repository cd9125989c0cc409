package jobs

import "time"

// Tally counts what ended, per model, whatever retention has removed since. Lengths are in bytes, durations in seconds.
type Tally struct {
	Completed, Failed, Cancelled, Dead int64
	Seconds, MinSeconds, MaxSeconds    float64 // of completed ones
	Last                               []Last  // at most LastN, newest first
	PromptBytes, MinPrompt, MaxPrompt  int64   // of all that ended
	LastUse                            time.Time
}

// LastN is how many finished jobs a Tally remembers one by one.
const LastN = 10

// Last is one finished job in short.
type Last struct {
	ID       string    `json:"id"`
	State    State     `json:"state"`
	Seconds  float64   `json:"duration_seconds"`
	Finished time.Time `json:"finished"`
}

// Ended is the number of jobs counted.
func (t Tally) Ended() int64 { return t.Completed + t.Failed + t.Cancelled + t.Dead }

// Add counts a job that has just ended.
func (t Tally) Add(j Job) Tally {
	n := int64(len(j.Prompt()))
	one := Tally{
		PromptBytes: n, MinPrompt: n, MaxPrompt: n, LastUse: j.Finished,
		Last: []Last{{ID: j.ID, State: j.State, Seconds: j.Seconds(), Finished: j.Finished}},
	}
	switch s := j.Seconds(); j.State {
	case Completed:
		one.Completed, one.Seconds, one.MinSeconds, one.MaxSeconds = 1, s, s, s
	case Failed:
		one.Failed = 1
	case Cancelled:
		one.Cancelled = 1
	case Dead:
		one.Dead = 1
	}
	return t.Merge(one)
}

// Merge sums two tallies.
func (t Tally) Merge(o Tally) Tally {
	t.MinSeconds = least(t.MinSeconds, o.MinSeconds, t.Completed > 0, o.Completed > 0)
	t.MinPrompt = least(t.MinPrompt, o.MinPrompt, t.Ended() > 0, o.Ended() > 0)
	t.MaxSeconds, t.MaxPrompt = max(t.MaxSeconds, o.MaxSeconds), max(t.MaxPrompt, o.MaxPrompt)
	t.Completed, t.Failed = t.Completed+o.Completed, t.Failed+o.Failed
	t.Cancelled, t.Dead = t.Cancelled+o.Cancelled, t.Dead+o.Dead
	t.Seconds, t.PromptBytes = t.Seconds+o.Seconds, t.PromptBytes+o.PromptBytes
	if o.LastUse.After(t.LastUse) {
		t.LastUse = o.LastUse
	}
	t.Last = newest(t.Last, o.Last)
	return t
}

func least[N int64 | float64](a, b N, hasA, hasB bool) N {
	if hasA && (!hasB || a < b) {
		return a
	}
	return b
}

func newest(a, b []Last) []Last {
	out := make([]Last, 0, min(len(a)+len(b), LastN))
	for len(out) < LastN && len(a)+len(b) > 0 {
		if len(b) == 0 || len(a) > 0 && a[0].Finished.After(b[0].Finished) {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return out
}
