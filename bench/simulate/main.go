// Command simulate asks how good the runtime's keep-alive and eviction are: it replays a generated trace of invocations,
// heavy-tailed as those of Azure Functions are, against a fixed keep-alive, least-recently-used, and the runtime's own
// policy (package runtime/placement itself, not a copy), on a machine of a given memory. It prints for each how many
// invocations met a cold start, how long they waited for it, and how much memory idle instances held for how long.
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
		r.Figure(p.name+"_cold_ratio", float64(s.cold)/float64(max(s.cold+s.warm, 1)))
		r.Figure(p.name+"_median_function_cold_ratio", s.medianRatio())
		r.Figure(p.name+"_cold_wait_s", s.waited.Seconds())
		r.Figure(p.name+"_idle_gib_h", s.idle/float64(gib)/3600)
		r.Figure(p.name+"_evictions", float64(s.evicted))
		r.Figure(p.name+"_refused", float64(s.refused))
	}
	return r.Print(os.Stdout)
}
