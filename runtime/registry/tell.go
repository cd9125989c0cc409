package registry

import (
	"slices"
	"sync"
)

// news is what subscribers are still to hear. They hear it when the change is over, so that they may ask the registry
// back, wait for who does, or take their time, and of one change after the other.
type news struct {
	mu      sync.Mutex
	over    sync.Cond // told has grown
	names   []string
	telling bool
	put     int // names ever put in
	told    int // of those, how many subscribers have heard
}

func (n *news) add(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.names = append(n.names, name)
	n.put++
}

// spread tells all that there is. Where somebody does that already, it is left to them.
func (n *news) spread(tell func(name string)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.telling {
		return
	}
	n.telling = true
	for len(n.names) > 0 {
		name := n.names[0]
		n.names = n.names[1:]
		n.mu.Unlock()
		tell(name)
		n.mu.Lock()
		n.told++
		n.over.Broadcast()
	}
	n.telling = false
}

// wait returns once all that was added before has been told.
func (n *news) wait() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for all := n.put; n.told < all; {
		n.over.Wait()
	}
}

// Subscribe has f called with a function's name after each change to it, before the call that changes it returns. Calls of
// f do not overlap. f must not block for long, nor change a function.
func (r *Registry) Subscribe(f func(name string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = append(r.heard, f)
}

func (r *Registry) tell(name string) {
	r.mu.RLock()
	heard := slices.Clone(r.heard)
	r.mu.RUnlock()
	for _, f := range heard {
		f(name)
	}
}

// change begins a change of a function, or of any with "": one is made at a time, and of what has just been written in the
// functions' folder. What it returns ends the change and tells of it.
func (r *Registry) change(name string) (end func()) {
	if name != "" && r.known(name) == nil {
		r.Look()
	}
	r.write.Lock()
	return func() {
		r.write.Unlock()
		r.news.spread(r.tell)
		r.news.wait()
	}
}
