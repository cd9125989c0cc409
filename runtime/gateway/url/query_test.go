package url

import (
	"runtime"
	"strings"
	"testing"
)

// TestValuesOfOneNameAreJoinedOnce: what a query of many values of one name allocates grows with it, not with its square.
func TestValuesOfOneNameAreJoinedOnce(t *testing.T) {
	const n = 20000
	raw := strings.Repeat("a=1&b&", n)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	q := query(raw)
	runtime.ReadMemStats(&after)
	if want := strings.Repeat(",1", n)[1:]; q["a"] != want || q["b"] != strings.Repeat(",", n-1) || len(q) != 2 {
		t.Errorf("%d names, a has %d bytes, b %d", len(q), len(q["a"]), len(q["b"]))
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 100*uint64(len(raw)) {
		t.Errorf("a query of %d bytes took %d", len(raw), grown)
	}
}
