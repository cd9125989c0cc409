package ort

import "sync"

// threads are what runs on a GPU take turns on: whoever comes next gets the one that was given back last, so that runs one after the other
// are on one thread, whichever goroutines they come from. The library's attention keeps cuDNN's plans by thread: on another one it
// makes them again, which takes longer than blocks of a model do. They are kept while a session is open.
type threads struct {
	mu    sync.Mutex
	users int // sessions
	idle  []*thread
}

// mostIdle is how many threads are kept while nothing runs.
const mostIdle = 4

// join tells of a session that will run, leave of one that will not any more.
func (t *threads) join() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.users++
}

func (t *threads) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.users--; t.users > 0 {
		return
	}
	for _, on := range t.idle {
		on.stop()
	}
	t.idle = nil
}

// do returns when f has, on one of the threads.
func (t *threads) do(f func()) {
	on := t.take()
	defer t.give(on)
	on.do(f)
}

func (t *threads) take() *thread {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.idle)
	if n == 0 {
		return newThread()
	}
	on := t.idle[n-1]
	t.idle = t.idle[:n-1]
	return on
}

func (t *threads) give(on *thread) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.users == 0 || len(t.idle) == mostIdle {
		on.stop()
		return
	}
	t.idle = append(t.idle, on)
}
