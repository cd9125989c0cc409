package instance

import (
	"context"
	"os"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Stop ends the instance and removes every trace: it refuses new events, gives the function grace after SIGTERM, and then
// kills it; what is in flight breaks off. It waits until all is gone, whatever becomes of ctx, and may be called from
// several places; the first call's terms hold.
func (i *Instance) Stop(ctx context.Context, grace time.Duration) {
	i.stop.Do(func() {
		defer close(i.gone)
		ctx = context.WithoutCancel(ctx)
		i.drain(ctx)
		i.remove(ctx, grace)
		_ = i.do(func(l *life) error {
			l.ended = true
			if l.state == spec.Stopped {
				return nil
			}
			return l.to(spec.Stopped)
		})
		<-i.done
	})
	<-i.gone
}

// Forget ends the Instance and leaves its box as it is, for a later control plane to adopt.
func (i *Instance) Forget() {
	i.stop.Do(func() {
		defer close(i.gone)
		i.line.Close()
		_ = i.do(func(l *life) error { l.ended = true; return nil })
		<-i.done
	})
}

// drain lets no event in any more, and thaws what is to hear of its end.
func (i *Instance) drain(ctx context.Context) {
	i.shut()
	if err := i.wake(ctx); err != nil && !i.Ended() {
		i.log.Warn("instance not thawed before its stop", "instance", i.cfg.ID, "error", err)
	}
	_ = i.do(func(l *life) error {
		if may(l.state, spec.Draining) {
			return l.to(spec.Draining)
		}
		return nil
	})
}

// remove takes everything away that the instance had but its log. It tries again, since what stays would be leaked.
func (i *Instance) remove(ctx context.Context, grace time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, grace+time.Minute)
	defer cancel()
	if i.box != nil {
		if grace > 0 {
			if err := i.box.Stop(ctx, grace); err != nil {
				i.log.Warn("instance did not stop by itself", "instance", i.cfg.ID, "error", err)
			}
		}
		i.removeBox(ctx)
	}
	if err := os.RemoveAll(i.cfg.Dir); err != nil {
		i.log.Error("instance folder not removed", "instance", i.cfg.ID, "error", err)
	}
}

func (i *Instance) removeBox(ctx context.Context) {
	var err error
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		if err = i.box.Remove(ctx); err == nil {
			return
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			i.log.Error("instance not removed; the next start of the runtime tries again", "instance", i.cfg.ID, "error", err)
			return
		}
	}
}
