package limits

import (
	"fmt"
	"testing"
	"time"
)

func TestRate(t *testing.T) {
	now := time.Unix(1e9, 0)
	r := NewRates(func() time.Time { return now })
	for i := range 60 {
		if l := r.Take("a", 60); !l.OK || l.Remaining != 59-i || l.Limit != 60 {
			t.Fatalf("request %d: %+v", i, l)
		}
	}
	l := r.Take("a", 60)
	if l.OK || l.Retry != time.Second || l.Full != time.Minute {
		t.Errorf("one too many: %+v", l)
	}
	if !r.Take("b", 60).OK {
		t.Error("another pays for it")
	}
	now = now.Add(l.Retry)
	if !r.Take("a", 60).OK || r.Take("a", 60).OK {
		t.Error("after the pause one may come, and one alone")
	}
	now = now.Add(-time.Hour)
	if r.Take("a", 60).OK {
		t.Error("a clock that was set back gives requests")
	}
	now = now.Add(48 * time.Hour)
	for i := range 60 {
		if !r.Take("a", 60).OK {
			t.Fatalf("request %d after two days", i)
		}
	}
	if r.Take("a", 60).OK {
		t.Error("two days of silence are worth more than a minute")
	}
}

func TestNamesAreForgotten(t *testing.T) {
	now := time.Unix(1e9, 0)
	r := NewRates(func() time.Time { return now })
	for i := range 10_000 {
		r.Take(fmt.Sprint(i), 60)
	}
	now = now.Add(2 * time.Minute)
	r.Take("x", 60)
	if len(r.buckets) != 1 {
		t.Errorf("%d buckets are left", len(r.buckets))
	}
}
