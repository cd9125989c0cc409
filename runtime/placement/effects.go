package placement

import "context"

// Effects is what a decision can make happen. Evict gives up an idle instance and returns when its memory is free; it may
// find that the instance is in use by now, which is no error: the next decision sees it. Changed gives a channel that is
// closed at the next change that could let a waiting start in; take it before looking.
type Effects interface {
	View() (pools []Pool, held []Holding)
	Evict(ctx context.Context, ids []string) error
	Changed() <-chan struct{}
}

// Admit decides and acts until an instance with this demand may start (Fits), never can, or has no hope for now (Full),
// or ctx ends. Only one Admit may run at a time for each Effects, so that no room is promised twice. waiting is told of
// each Wait, before it.
func Admit(ctx context.Context, want Demand, e Effects, waiting func(Decision)) (Decision, error) {
	for {
		changed := e.Changed()
		pools, held := e.View()
		d := Place(want, pools, held)
		switch d.Verdict {
		case Evict:
			if err := e.Evict(ctx, d.Victims); err != nil {
				return d, err
			}
			continue
		case Wait:
			waiting(d)
		default:
			return d, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return d, context.Cause(ctx)
		}
	}
}
