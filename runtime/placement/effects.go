package placement

import (
	"context"
	"sync"
)

// Effects is what deciding about one start can make happen. Admit holds its lock from View until the decision has been
// carried out, so that no room is promised twice, and never while it waits.
type Effects interface {
	sync.Locker
	// View says what there is and what it is given to.
	View() (pools []Pool, held []Holding)
	// Want is what the start takes of it; an error ends the start.
	Want(pools []Pool, held []Holding) (Demand, error)
	// Hold gives the start its room.
	Hold()
	// Evict gives up instances that are idle and returns when their memory is free. It may find one in use by now, which
	// is no error: the next look sees it.
	Evict(ctx context.Context, ids []string) error
	// Claim says which busy instances are to get no further event, so that they can be evicted; it replaces what was
	// claimed for this start before.
	Claim(ids []string)
	// Changed gives a channel that is closed at the next change that could let a waiting start in.
	Changed() <-chan struct{}
}

// Admit decides and acts until an instance has its room (Fits), never can have it (Never), cannot hope
// for it now (Full), or ctx ends.
func Admit(ctx context.Context, e Effects) (Decision, error) {
	defer e.Claim(nil)
	for {
		changed := e.Changed()
		d, err := look(ctx, e)
		if err != nil || (d.Verdict != Wait && d.Verdict != Evict) {
			return d, err
		}
		if d.Verdict == Evict {
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return d, context.Cause(ctx)
		}
	}
}

func look(ctx context.Context, e Effects) (Decision, error) {
	e.Lock()
	defer e.Unlock()
	pools, held := e.View()
	want, err := e.Want(pools, held)
	if err != nil {
		return Decision{}, err
	}
	d := Place(want, pools, held)
	switch d.Verdict {
	case Fits:
		e.Hold()
	case Evict:
		return d, e.Evict(ctx, d.Victims)
	case Wait:
		e.Claim(d.Victims)
	}
	return d, nil
}
