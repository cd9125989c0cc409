package image

import (
	"context"
	"sync"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Hear is told how far an image is on its way here. It may be called from several goroutines, and not after the call that
// it was given to has returned. nil: nobody listens.
type Hear func(spec.StartStep)

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

	mu    sync.Mutex // guards what follows; held while they hear
	hears map[*Hear]struct{}
	last  spec.StartStep
}

// do returns what f returned for the key, or ctx's cause once ctx has ended. Who leaves last waits until f has, too. All
// who wait hear what run tells, and who comes later what it told last.
func (f *flight[T]) do(ctx context.Context, key string, hear Hear, run func(context.Context, Hear) (T, error)) (T, error) {
	c := f.join(ctx, key, run)
	defer c.listen(hear)()
	select {
	case <-c.done:
		return c.value, c.err
	case <-ctx.Done():
	}
	f.leave(ctx, key, c)
	var none T
	return none, context.Cause(ctx)
}

func (f *flight[T]) join(ctx context.Context, key string, run func(context.Context, Hear) (T, error)) *call[T] {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.calls[key]
	if c == nil {
		c = &call[T]{done: make(chan struct{}), hears: map[*Hear]struct{}{}}
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

func (f *flight[T]) run(ctx context.Context, key string, c *call[T], run func(context.Context, Hear) (T, error)) {
	defer c.cancel(nil)
	c.value, c.err = run(ctx, c.tell)
	f.forget(key, c)
	close(c.done)
}

// listen adds one who hears until stop.
func (c *call[T]) listen(hear Hear) (stop func()) {
	if hear == nil {
		return func() {}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hears[&hear] = struct{}{}
	if c.last != (spec.StartStep{}) {
		hear(c.last)
	}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.hears, &hear)
	}
}

func (c *call[T]) tell(s spec.StartStep) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = s
	for h := range c.hears {
		(*h)(s)
	}
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
