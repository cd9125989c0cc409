package jobs_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
)

// BenchmarkSubmit queues jobs from four clients at once while none can start.
func BenchmarkSubmit(b *testing.B) {
	r := newRig(b, nil, func(r *rig) {
		m := models()
		w := m["wan21"]
		w.Concurrency = 0
		m["wan21"] = w
		r.deps.Models = m
	})
	var n atomic.Int64
	b.SetParallelism(2)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			sub := jobs.Submit{Model: "wan21", Client: "me", Request: jobstest.Ask(fmt.Sprint("prompt ", n.Add(1)))}
			if _, _, err := r.Submit(b.Context(), []jobs.Submit{sub}); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
