package jobs

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Hub is a Feed within the process. It keeps the last events of jobs that run or are watched, so that a watcher can
// resume; how fast a watcher reads does not matter to anybody else.
type Hub struct {
	mu     sync.Mutex
	topics map[string]*topic
	ended  []string // topics that may go, oldest first
	last   int64
	now    func() time.Time
}

const (
	hubEvents = 256 // kept per job
	hubEnded  = 256 // ended jobs whose events are kept
)

type topic struct {
	events  []Event
	changed chan struct{} // closed and replaced by every event
	watched int
}

// NewHub makes an empty hub.
func NewHub(now func() time.Time) *Hub {
	return &Hub{topics: map[string]*topic{}, now: now}
}

// Publish appends an event under the next ID. An event with an ID (from another node's feed) keeps it.
func (h *Hub) Publish(_ context.Context, id string, e Event) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[id]
	if t == nil {
		if e.Type == string(Queued) {
			return nil // nobody watches: a long queue must not fill memory
		}
		t = h.open(id)
	}
	if e.ID == "" {
		e.ID = h.nextID()
	}
	t.append(e)
	if e.Ended() {
		h.retire(id)
	}
	return nil
}

// nextID is the time in microseconds, in sixteen digits: it grows across restarts too.
func (h *Hub) nextID() string {
	h.last = max(h.last+1, h.now().UnixMicro())
	return fmt.Sprintf("%016d", h.last)
}

func (h *Hub) open(id string) *topic {
	t := &topic{changed: make(chan struct{})}
	h.topics[id] = t
	return t
}

func (h *Hub) retire(id string) {
	h.ended = append(h.ended, id)
	for len(h.ended) > hubEnded {
		old := h.ended[0]
		h.ended = h.ended[1:]
		if t := h.topics[old]; t != nil && t.watched == 0 {
			delete(h.topics, old)
		}
	}
}

// append keeps one preview, the latest, and at most hubEvents in all.
func (t *topic) append(e Event) {
	if e.Type == "preview" {
		for i := range t.events {
			if t.events[i].Type == "preview" {
				t.events = append(t.events[:i:i], t.events[i+1:]...)
				break
			}
		}
	}
	if t.events = append(t.events, e); len(t.events) > hubEvents {
		t.events = append([]Event(nil), t.events[len(t.events)-hubEvents:]...)
	}
	close(t.changed)
	t.changed = make(chan struct{})
}

// Follow implements Feed.
func (h *Hub) Follow(ctx context.Context, id, after string, ready func(), fn func(Event) error) error {
	t, after := h.join(id, after)
	defer h.leave(id, t)
	for first := true; ; first = false {
		events, changed := h.since(t, after)
		for _, e := range events {
			if err := fn(e); err != nil {
				return err
			}
			after = e.ID
		}
		if first {
			ready()
		}
		if len(events) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (h *Hub) join(id, after string) (*topic, string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[id]
	if t == nil {
		t = h.open(id)
	}
	t.watched++
	if after == "" && len(t.events) > 0 {
		after = t.events[len(t.events)-1].ID
	}
	return t, after
}

func (h *Hub) leave(id string, t *topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t.watched--; t.watched == 0 && len(t.events) == 0 && h.topics[id] == t {
		delete(h.topics, id)
	}
}

func (h *Hub) since(t *topic, after string) ([]Event, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := len(t.events)
	for i > 0 && t.events[i-1].ID > after {
		i--
	}
	return append([]Event(nil), t.events[i:]...), t.changed
}

// Drop implements Feed.
func (h *Hub) Drop(_ context.Context, id string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := h.topics[id]; t != nil && t.watched == 0 {
		delete(h.topics, id)
	}
	return nil
}

var _ Feed = (*Hub)(nil)
