package instance

import (
	"context"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// nap is an idle instance's way into the freezer and out of it. Both are I/O of up to seconds: whoever wants them does
// them, one at a time, and the owner only hears of the steps.
type nap struct {
	turn chan struct{} // holds a token while somebody freezes or thaws
	may  chan struct{} // holds a token from Doze until the next event
	iced bool          // the processes are frozen; for who has the turn
}

func newNap() nap { return nap{turn: make(chan struct{}, 1), may: make(chan struct{}, 1)} }

func (n *nap) enter(ctx context.Context) error {
	select {
	case n.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (n *nap) exit() { <-n.turn }

// Doze says that no event is in flight: from now on, until the next one, Freeze may stop the processes. It does not block.
func (i *Instance) Doze() {
	select {
	case i.nap.may <- struct{}{}:
	default:
	}
}

// Freeze stops the processes of an instance that dozes in place, where the driver can; the next event thaws it. One that
// an event has come to meanwhile is left alone. It blocks for as long as the driver does.
func (i *Instance) Freeze(ctx context.Context) error {
	f, ok := i.box.(Freezer)
	if !ok {
		return nil
	}
	if err := i.nap.enter(ctx); err != nil {
		return err
	}
	defer i.nap.exit()
	if len(i.nap.may) == 0 || i.nap.iced {
		return nil
	}
	if err := i.step(freezing); err != nil {
		return err
	}
	i.line.Drop()
	if err := f.Freeze(ctx); err != nil {
		_ = i.step(spec.Idle) // or it has ended meanwhile
		return err
	}
	i.nap.iced = true
	return i.step(frozen)
}

// wake ends a doze: it thaws what is frozen, and waits for who is about to freeze. Without a doze it costs nothing.
func (i *Instance) wake(ctx context.Context) error {
	if len(i.nap.may) == 0 {
		return nil
	}
	if err := i.nap.enter(ctx); err != nil {
		return err
	}
	defer i.nap.exit()
	if i.nap.iced {
		if err := i.thaw(ctx); err != nil {
			return err
		}
	}
	select {
	case <-i.nap.may:
	default: // another event was as fast
	}
	return nil
}

func (i *Instance) thaw(ctx context.Context) error {
	if err := i.step(thawing); err != nil {
		return err
	}
	if err := i.box.(Freezer).Thaw(ctx); err != nil {
		_ = i.step(frozen)
		return err
	}
	i.nap.iced = false
	return i.step(spec.Idle)
}

// step has the owner take one step of the chart.
func (i *Instance) step(s spec.State) error { return i.do(func(l *life) error { return l.to(s) }) }
