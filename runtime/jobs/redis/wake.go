package redis

import "sync"

// wakers holds a signal per follower, by job.
type wakers struct {
	mu  sync.Mutex
	all map[string]map[chan struct{}]struct{}
}

// listen gives a channel that gets a value after events of the job, and what ends that.
func (w *wakers) listen(id string) (<-chan struct{}, func()) {
	ch := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[string]map[chan struct{}]struct{}{}
	}
	if w.all[id] == nil {
		w.all[id] = map[chan struct{}]struct{}{}
	}
	w.all[id][ch] = struct{}{}
	return ch, func() { w.forget(id, ch) }
}

func (w *wakers) forget(id string, ch chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.all[id], ch)
	if len(w.all[id]) == 0 {
		delete(w.all, id)
	}
}

func (w *wakers) wake(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ch := range w.all[id] {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}
