package instance

import (
	"context"
	"time"
)

// enter takes an event in.
func (i *Instance) enter(ctx context.Context) error {
	for {
		ok, frozen := i.gate.enter()
		switch {
		case ok && i.gate.inside() == 1:
			i.turned.Store(time.Now().UnixNano())
			return nil
		case ok:
			return nil
		case !frozen:
			return ErrGone
		}
		if err := i.do(func(*life) error { return i.thaw(ctx) }); err != nil {
			return err
		}
	}
}

// leave notes that an event is over.
func (i *Instance) leave() {
	i.served.Add(1)
	if i.gate.leave() {
		i.calm.Do(func() { close(i.quiet) })
	}
	if i.gate.inside() == 0 {
		i.turned.Store(time.Now().UnixNano())
	}
}

// shut lets no event in any more.
func (i *Instance) shut() {
	i.line.Close()
	if i.gate.close() == 0 {
		i.calm.Do(func() { close(i.quiet) })
	}
}

// Freeze stops the processes of an idle instance in place, where the driver can; the next event thaws it.
func (i *Instance) Freeze(ctx context.Context) error {
	f, ok := i.box.(Freezer)
	if !ok {
		return nil
	}
	return i.do(func(*life) error {
		if !i.gate.freeze() {
			return nil
		}
		i.line.Drop()
		err := f.Freeze(ctx)
		if err != nil {
			i.gate.thaw()
		}
		return err
	})
}

// thaw is for the owner.
func (i *Instance) thaw(ctx context.Context) error {
	if !i.gate.frozen() {
		return nil
	}
	err := i.box.(Freezer).Thaw(ctx)
	if err == nil {
		i.gate.thaw()
	}
	return err
}
