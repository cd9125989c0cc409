// Package limits counts what somebody asks for against what they may: a bucket for each, that fills evenly and holds a
// minute's worth. It is pure but for its clock and its lock.
package limits

import (
	"math"
	"sync"
	"time"
)

// Left is what is left after a request.
type Left struct {
	OK        bool
	Limit     int           // a minute
	Remaining int           // that may come at once
	Retry     time.Duration // until the next may come, where this one may not
	Full      time.Duration // until a minute's worth may come at once again
}

// Rates are buckets by name. Names that have not been used for a while are forgotten: their buckets are full.
type Rates struct {
	now func() time.Time

	mu      sync.Mutex
	buckets map[string]bucket
	swept   time.Time
}

type bucket struct {
	tokens float64
	at     time.Time
}

// NewRates makes buckets; now is time.Now where it is nil.
func NewRates(now func() time.Time) *Rates {
	if now == nil {
		now = time.Now
	}
	return &Rates{now: now, buckets: map[string]bucket{}}
}

// Take asks for one request of a name that may make so many a minute.
func (r *Rates) Take(name string, perMinute int) Left {
	r.mu.Lock()
	defer r.mu.Unlock()
	now, most := r.now(), float64(perMinute)
	r.sweep(now)
	b, known := r.buckets[name]
	if !known {
		b = bucket{most, now}
	}
	perSecond := most / 60
	b.tokens = min(most, b.tokens+max(0, now.Sub(b.at).Seconds())*perSecond)
	b.at = now
	left := Left{Limit: perMinute, OK: b.tokens >= 1}
	if left.OK {
		b.tokens--
	} else {
		left.Retry = seconds((1 - b.tokens) / perSecond)
	}
	left.Remaining, left.Full = int(b.tokens), seconds((most-b.tokens)/perSecond)
	r.buckets[name] = b
	return left
}

func seconds(s float64) time.Duration { return time.Duration(math.Ceil(s*1e3)) * time.Millisecond }

// sweep forgets full buckets once a minute, so that many names do not fill memory.
func (r *Rates) sweep(now time.Time) {
	if now.Sub(r.swept) < time.Minute {
		return
	}
	r.swept = now
	for name, b := range r.buckets {
		if now.Sub(b.at) > time.Minute {
			delete(r.buckets, name)
		}
	}
}
