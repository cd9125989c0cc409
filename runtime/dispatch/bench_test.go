package dispatch

import (
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// BenchmarkGrant is what dispatch itself adds to a warm call: resolving, taking a slot, and giving it back.
func BenchmarkGrant(b *testing.B) {
	r := newRig(b)
	r.begin()
	defer r.end()
	r.function("f")
	r.must("f", "1")
	inv := &spec.Invocation{Function: "f"}
	b.ReportAllocs()
	for b.Loop() {
		p, err := r.resolve(b.Context(), inv)
		if err != nil {
			b.Fatal(err)
		}
		g, err := p.acquire(b.Context(), inv, time.Now())
		if err != nil {
			b.Fatal(err)
		}
		p.release(g.m, false)
	}
}

// BenchmarkInvoke is a whole warm call without a process: dispatch, instance and wire over net.Pipe.
func BenchmarkInvoke(b *testing.B) {
	r := newRig(b)
	r.begin()
	defer r.end()
	r.function("f")
	r.must("f", "1")
	b.ReportAllocs()
	for b.Loop() {
		r.must("f", "1")
	}
}
