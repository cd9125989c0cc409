package image

import (
	"context"
	"sync"
)

// flight runs what several callers want once for all of them, and calls it off when the last one has left.
type flight[T any] struct {
	mu    sync.Mutex
	calls map[string]*call[T]
}

type call[T any] struct {
	waiting int
	cancel  context.CancelCauseFunc
	done    chan struct{}
	value   T
	err     error
}

// do returns what f returned for the key, or ctx's cause once ctx has ended. Who leaves last waits until f has, too.
func (f *flight[T]) do(ctx context.Context, key string, run func(context.Context) (T, error)) (T, error) {
	c := f.join(ctx, key, run)
	select {
	case <-c.done:
		return c.value, c.err
	case <-ctx.Done():
	}
	f.leave(ctx, key, c)
	var none T
	return none, context.Cause(ctx)
}

func (f *flight[T]) join(ctx context.Context, key string, run func(context.Context) (T, error)) *call[T] {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.calls[key]
	if c == nil {
		c = &call[T]{done: make(chan struct{})}
		if f.calls == nil {
			f.calls = map[string]*call[T]{}
		}
		f.calls[key] = c
		ctx, c.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
		go f.run(ctx, key, c, run)
	}
	c.waiting++
	return c
}

func (f *flight[T]) run(ctx context.Context, key string, c *call[T], run func(context.Context) (T, error)) {
	defer c.cancel(nil)
	c.value, c.err = run(ctx)
	f.forget(key, c)
	close(c.done)
}

func (f *flight[T]) leave(ctx context.Context, key string, c *call[T]) {
	f.mu.Lock()
	c.waiting--
	last := c.waiting == 0
	f.mu.Unlock()
	if last {
		f.forget(key, c) // who comes now starts anew
		c.cancel(context.Cause(ctx))
		<-c.done
	}
}

func (f *flight[T]) forget(key string, c *call[T]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls[key] == c {
		delete(f.calls, key)
	}
}
