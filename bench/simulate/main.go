// Command simulate asks how good the runtime's keep-alive and eviction are: it replays a generated trace of invocations,
// heavy-tailed as those of Azure Functions are, against a fixed keep-alive, least-recently-used, and the runtime's own
// policy (package runtime/placement itself, not a copy), on a machine of a given memory. It prints for each how many
// invocations met a cold start, how long they waited for it, and how much memory idle instances held for how long. Policies
// that trade one for the other cannot be told apart by that: so the others are also replayed with as much memory·time as
// ours took, a fixed keep-alive by the keep-alive that holds as much, LRU by the machine on which it does.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

func main() {
	o := traceOptions{}
	flag.IntVar(&o.functions, "functions", 100, "functions in the trace")
	flag.DurationVar(&o.length, "length", 24*time.Hour, "length of the trace")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the trace")
	flag.Float64Var(&o.models, "models", 0.05, "share of functions that are large models")
	memory := flag.Float64("memory", 128, "memory of the machine, in GiB")
	ttl := flag.Duration("ttl", 10*time.Minute, "keep-alive of the fixed policy")
	flag.Parse()
	if o.functions <= 0 || o.length <= 0 || *memory <= 0 || o.models < 0 || o.models > 1 {
		fmt.Fprintln(os.Stderr, "bench/simulate: functions, length and memory must be positive, models between 0 and 1")
		os.Exit(2)
	}
	if err := run(o, gibibytes(*memory), *ttl); err != nil {
		fmt.Fprintln(os.Stderr, "bench/simulate:", err)
		os.Exit(1)
	}
}

func run(o traceOptions, memory bytes, ttl time.Duration) error {
	t := generate(o)
	r := harness.NewReport("simulate")
	r.Figure("invocations", float64(len(t.calls)))
	r.Figure("functions", float64(len(t.functions)))
	for _, p := range []struct {
		name   string
		policy policy
	}{{"fixed", &fixed{ttl: ttl}}, {"lru", &lru{}}, {"ours", newOurs(memory)}} {
		s := replay(t, memory, p.policy)
		if s.cold+s.warm+s.refused != len(t.calls) {
			return fmt.Errorf("policy %s lost invocations: %d of %d", p.name, s.cold+s.warm+s.refused, len(t.calls))
		}
		figures(r, p.name, s)
	}
	ttl, fixed := fixedHolding(t, memory, r.Figures["ours_idle_gib_h"])
	r.Figure("fixed_same_memory_ttl_s", ttl.Seconds())
	figures(r, "fixed_same_memory", fixed)
	machine, lru := lruHolding(t, memory, r.Figures["ours_idle_gib_h"])
	r.Figure("lru_same_memory_machine_gib", float64(machine)/float64(gib))
	figures(r, "lru_same_memory", lru)
	return r.Print(os.Stdout)
}

func figures(r *harness.Report, name string, s sums) {
	r.Figure(name+"_cold_ratio", s.coldRatio())
	r.Figure(name+"_median_function_cold_ratio", s.medianRatio())
	r.Figure(name+"_cold_wait_s", s.waited.Seconds())
	r.Figure(name+"_idle_gib_h", s.idleGiBHours())
	r.Figure(name+"_evictions", float64(s.evicted))
	r.Figure(name+"_refused", float64(s.refused))
}
