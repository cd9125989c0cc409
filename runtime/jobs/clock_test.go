package jobs_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// setClock is one that somebody sets while the server runs.
type setClock struct{ off atomic.Int64 }

func (c *setClock) now() time.Time        { return time.Now().Add(time.Duration(c.off.Load())) }
func (c *setClock) move(by time.Duration) { c.off.Add(int64(by)) }

// TestTheClockIsSetWhileAJobRuns, by hours, forth and back: what runs goes on, once, and what waits runs after it.
func TestTheClockIsSetWhileAJobRuns(t *testing.T) {
	for name, by := range map[string]time.Duration{"forward": 5 * time.Hour, "back": -5 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			var clock setClock
			begun, release := make(chan struct{}, 4), make(chan struct{})
			r := newRig(t, func(ctx context.Context, c jobstest.Call) (*spec.Result, error) {
				begun <- struct{}{}
				select {
				case <-release:
				case <-ctx.Done():
					return nil, ctx.Err()
				}
				return jobstest.Stream(200, "video/mp4", jobstest.Clip(c.Request)), nil
			}, func(r *rig) { r.cfg.Lease, r.deps.Now = 2*time.Second, clock.now })
			first, second := r.submit("one"), r.submit("two")
			<-begun
			clock.move(by)
			// longer than two looks at leases that have run out, and than half a lease
			for range 2 {
				time.Sleep(1100 * time.Millisecond)
			}
			close(release)
			for _, id := range []string{first.ID, second.ID} {
				if j := r.wait(id); j.State != jobs.Completed || j.Attempts != 1 || j.Interruptions != 0 {
					t.Errorf("%s after %d attempts and %d interruptions: %+v", j.State, j.Attempts, j.Interruptions, j.Problem)
				}
			}
			if n := len(r.runner.Calls()); n != 2 {
				t.Errorf("two jobs ran %d times", n)
			}
		})
	}
}
