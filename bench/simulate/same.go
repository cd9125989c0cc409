package main

import "time"

// fixedHolding finds the fixed keep-alive that holds as much memory for as long as asked, or a little more.
func fixedHolding(t trace, memory bytes, gibHours float64) (ttl time.Duration, s sums) {
	x, s := holding(gibHours, 0, float64(t.length()), func(x float64) sums {
		return replay(t, memory, fixed{ttl: time.Duration(x)})
	})
	return time.Duration(x), s
}

// lruHolding finds the machine, no larger than the given one, on which LRU holds as much for as long, or a little more.
func lruHolding(t trace, memory bytes, gibHours float64) (machine bytes, s sums) {
	x, s := holding(gibHours, 0, float64(memory), func(x float64) sums { return replay(t, bytes(x), lru{}) })
	return bytes(x), s
}

// holding halves the distance between a setting that holds too little and one that holds enough, twenty times. Where even
// hi does not, it gives that.
func holding(gibHours, lo, hi float64, replay func(float64) sums) (float64, sums) {
	best := replay(hi)
	for range 20 {
		mid := (lo + hi) / 2
		if s := replay(mid); s.idleGiBHours() >= gibHours {
			hi, best = mid, s
		} else {
			lo = mid
		}
	}
	return hi, best
}

// length is the time of the last call.
func (t trace) length() time.Duration {
	if len(t.calls) == 0 {
		return 0
	}
	return t.calls[len(t.calls)-1].at
}
