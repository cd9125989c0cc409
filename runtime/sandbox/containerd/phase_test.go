package containerd

import (
	"os"
	"sort"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestPhases prints where the time of a start goes: set VIDEOSDGX_PHASES=1. It asserts nothing about times, which are
// bench/cold's.
func TestPhases(t *testing.T) {
	if os.Getenv("VIDEOSDGX_PHASES") == "" {
		t.Skip("set VIDEOSDGX_PHASES=1 to print the phases of a start")
	}
	d := newDriver(t, func(o *Options) { o.Runtime = os.Getenv("VIDEOSDGX_RUNTIME") })
	f := spec.Function{Image: echoImage(t)}
	phases := map[string][]time.Duration{}
	for i := range 30 {
		c := config(t, f)
		lap, begin := laps(phases, i > 1)
		b, err := d.Create(testContext(t), c)
		if err != nil {
			t.Fatal(err)
		}
		lap("1 create")
		if err := b.Start(testContext(t)); err != nil {
			t.Fatal(err)
		}
		lap("2 start")
		invoke(t, b, `1`)
		lap("3 first answer")
		if i > 1 {
			phases["4 create to answer"] = append(phases["4 create to answer"], time.Since(begin))
		}
		lap("-")
		invoke(t, b, `1`)
		lap("5 second answer")
		remove(t, b)
		lap("6 remove")
	}
	var names []string
	for n := range phases {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		p := phases[n]
		sort.Slice(p, func(i, j int) bool { return p[i] < p[j] })
		t.Logf("%-20s min %8v  p50 %8v  p90 %8v", n, p[0].Round(10*time.Microsecond), p[len(p)/2].Round(10*time.Microsecond), p[len(p)*9/10].Round(10*time.Microsecond))
	}
}

func laps(phases map[string][]time.Duration, count bool) (func(string), time.Time) {
	begin := time.Now()
	last := begin
	return func(name string) {
		now := time.Now()
		if count && name != "-" {
			phases[name] = append(phases[name], now.Sub(last))
		}
		last = now
	}, begin
}
