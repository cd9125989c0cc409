package spec

import (
	"math"
	"testing"
)

func TestLevels(t *testing.T) {
	for _, c := range []struct {
		bytes, limit int64
		want         string
	}{{0, 0, "ok"}, {math.MaxInt64, 0, "ok"}, {0, 100, "ok"}, {94, 100, "ok"}, {95, 100, "tight"}, {99, 100, "tight"}, {100, 100, "full"}, {101, 100, "full"},
		{math.MaxInt64 / 2, math.MaxInt64, "ok"}, {math.MaxInt64 - 1, math.MaxInt64, "tight"}, {0, 1, "tight"}, {1, 1, "full"}} {
		if got := (Storage{Bytes: c.bytes, Limit: c.limit}).Rated().Level; got != c.want {
			t.Errorf("%d of %d: %s, not %s", c.bytes, c.limit, got, c.want)
		}
	}
}
