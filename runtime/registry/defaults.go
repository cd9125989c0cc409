package registry

import (
	"maps"
	"slices"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// withDefaults returns a copy of fn with every zero field that has a default filled in. Those of Async stay as they are: Lambda
// tells a function that says nothing of them from one that asks for the defaults, and the events' queue knows them.
func withDefaults(fn spec.Function) spec.Function {
	fn = clone(fn)
	orDuration(&fn.Timeout, 15*time.Minute)
	orDuration(&fn.InitTimeout, time.Minute)
	orDuration(&fn.CancelGrace, 800*time.Millisecond)
	or(&fn.Concurrency, 1)
	or(&fn.EventsAtOnce, 1)
	or(&fn.QueueLimit, 10000)
	or(&fn.Limits.Memory, spec.DefaultMemory)
	or(&fn.Limits.PIDs, 512)
	or(&fn.Limits.Scratch, 512<<20)
	or(&fn.Limits.Payload, 6<<20)
	or(&fn.Network, "none")
	if len(fn.Secrets) > 0 {
		or(&fn.Snapshot, "off") // it would hold them
	}
	or(&fn.Snapshot, "auto")
	or(&fn.SnapshotOn, "init")
	or(&fn.URL.InvokeMode, "BUFFERED")
	return fn
}

func or[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

func orDuration(p *spec.Duration, v time.Duration) { or(p, spec.Duration(v)) }

// clone copies what a spec.Function points to, so that nobody can change what the registry holds.
func clone(fn spec.Function) spec.Function {
	fn.Command, fn.Args = slices.Clone(fn.Command), slices.Clone(fn.Args)
	fn.Env = maps.Clone(fn.Env)
	fn.Labels = maps.Clone(fn.Labels)
	fn.Written = maps.Clone(fn.Written)
	fn.Mounts = slices.Clone(fn.Mounts)
	fn.GPUs = slices.Clone(fn.GPUs)
	if fn.Model != nil {
		m := *fn.Model
		fn.Model = &m
	}
	if fn.URL.CORS != nil {
		c := *fn.URL.CORS
		fn.URL.CORS = &c
	}
	if fn.Async.Retries != nil {
		r := *fn.Async.Retries
		fn.Async.Retries = &r
	}
	return fn
}

// Defaults is a function of which nothing is said.
func Defaults() spec.Function { return withDefaults(spec.Function{}) }
