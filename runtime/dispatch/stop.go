package dispatch

import (
	"context"
	"sync"

	"github.com/videosdgx/videosdgx/runtime/dispatch/roster"
)

// Stop refuses new invocations, lets those in flight finish until ctx ends, then stops and removes every instance, and
// waits for everything it started. It may be called twice.
func (d *Dispatcher) Stop(ctx context.Context) error {
	d.halt.Do(func() {
		d.life.Lock()
		d.closing = true
		d.life.Unlock()
		d.mu.Lock()
		d.stopped = true
		for k, p := range d.pools {
			delete(d.pools, k)
			p.retire(errStopping, roster.Stopping)
		}
		d.mu.Unlock()
		d.cancel(errStopping)
		d.work.Wait() // starts under way remove what they made
		d.endAll(ctx)
	})
	return nil
}

func (d *Dispatcher) endAll(ctx context.Context) {
	var work sync.WaitGroup
	d.members.Range(func(_, v any) bool {
		work.Go(func() { d.end(ctx, v.(*member), roster.Stopping, d.cfg.StopGrace) })
		return true
	})
	work.Wait()
}

// Abandon ends everything that runs in this process and leaves the instances as they are, as a crash would: the next
// control plane of the same owner adopts them. Invocations in flight are not waited for.
func (d *Dispatcher) Abandon() {
	d.members.Range(func(_, v any) bool {
		v.(*member).inst.Forget()
		return true
	})
	d.members.Clear()
	_ = d.Stop(context.Background())
}
