package daemon

import (
	"testing"
	"time"
)

// TestBackupsOfTheFutureHoldNothingUp: a clock that was ahead once must not be the end of backups.
func TestBackupsOfTheFutureHoldNothingUp(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	const yesterday, today, future = "20261127T110000.000000Z-0123456789abcdef", "20261128T110000.000000Z-0123456789abcdef", "20990101T000000.000000Z-0123456789abcdef"
	for name, c := range map[string]struct {
		ids  []string
		hour int
		ok   bool
	}{"none": {nil, 0, false}, "one": {[]string{yesterday}, 25, true}, "two": {[]string{yesterday, today}, 1, true},
		"one of the future": {[]string{yesterday, today, future}, 1, true}, "of the future alone": {[]string{future}, 0, false}} {
		at, ok := newest(c.ids, now)
		if ok != c.ok || ok && now.Sub(at) != time.Duration(c.hour)*time.Hour {
			t.Errorf("%s: %v %v", name, at, ok)
		}
	}
}
