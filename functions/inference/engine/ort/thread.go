package ort

import "runtime"

// thread calls functions one after the other, all from one thread of the operating system. The library keeps what it has recorded
// on a GPU by thread: on another one it would record again, and hold both.
type thread struct {
	calls chan func()
	ended chan struct{}
}

func newThread() *thread {
	t := &thread{calls: make(chan func()), ended: make(chan struct{})}
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(t.ended)
		for f := range t.calls {
			f()
		}
	}()
	return t
}

// do returns when f has.
func (t *thread) do(f func()) {
	done := make(chan struct{})
	t.calls <- func() {
		defer close(done)
		f()
	}
	<-done
}

// stop waits for the thread to be given back; nothing is done after it.
func (t *thread) stop() {
	close(t.calls)
	<-t.ended
}
