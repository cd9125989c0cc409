package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Watch calls fn with a job's events, in order, until the job has ended, ctx ends or fn fails. With after = "" it begins
// with the job's present state; else with what followed the event of that ID, as far as it is still known, and the
// present state. While a job waits, a "queued" event tells each change of its position; it has no ID. The last event is
// the ended state.
func (s *Service) Watch(ctx context.Context, id, after string, fn func(Event) error) error {
	j, err := s.Get(ctx, id)
	if err != nil {
		return err
	}
	w := &watch{s: s, id: id, job: j, fn: fn, events: make(chan Event)}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- s.feed.Follow(ctx, id, after, func() { close(ready) }, func(e Event) error {
			select {
			case w.events <- e:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	err = w.loop(ctx, ready, done)
	cancel(nil)
	return err
}

type watch struct {
	s      *Service
	id     string
	fn     func(Event) error
	events chan Event
	place  Place
	job    Job    // with the state and reason of its last event
	reason string // as it was told last
	state  State
	polled time.Time
}

var errEnd = errors.New("the job has ended")

func (w *watch) loop(ctx context.Context, ready <-chan struct{}, done <-chan error) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	stopped := w.s.ctx.Done()
	for {
		var err error
		select {
		case <-ready:
			ready = nil
			err = w.poll(ctx)
		case e := <-w.events:
			err = w.send(e)
		case <-tick.C:
			err = w.tick(ctx)
		case err = <-done:
			return err
		case <-stopped:
			return errStopping
		case <-ctx.Done():
			return ctx.Err()
		}
		if errors.Is(err, errEnd) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// send passes an event on; an end that is taken back by a retry is told by the next poll.
func (w *watch) send(e Event) error {
	if s := State(e.Type); s.Valid() {
		w.state, w.place = s, Place{}
		w.reason = reasonIn(e)
		w.job.State, w.job.Reason = s, w.reason
	}
	if err := w.fn(e); err != nil {
		return err
	}
	if e.Ended() {
		return errEnd
	}
	return nil
}

// reasonIn is the reason that an event of a state gives.
func reasonIn(e Event) string {
	var m struct{ Reason string }
	_ = json.Unmarshal(e.Data, &m) // an event of another form gives none
	return m.Reason
}

// poll tells the present state, which is also how a watcher learns what no event reached it for.
func (w *watch) poll(ctx context.Context) error {
	w.polled = time.Now()
	j, err := w.s.Get(ctx, w.id)
	if err != nil {
		return err
	}
	if j.State == w.state {
		return nil
	}
	data, err := json.Marshal(map[string]any{"state": j.State, "attempt": j.Attempts, "reason": j.Reason})
	if err != nil {
		return err
	}
	if err := w.send(Event{Type: string(j.State), Data: data}); err != nil {
		return err
	}
	switch j.State {
	case Queued:
		return w.position(ctx)
	case Running:
		return w.progress()
	}
	return nil
}

// progress tells how far a job has come that ran before anybody watched it. It has no ID.
func (w *watch) progress() error {
	p, ok := w.s.Progress(w.id)
	if !ok || p.Phase == "" {
		return nil
	}
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return w.fn(Event{Type: "progress", Data: data})
}

func (w *watch) tick(ctx context.Context) error {
	if time.Since(w.polled) > 5*time.Second {
		if err := w.poll(ctx); err != nil {
			return err
		}
	}
	if w.state != Queued {
		return nil
	}
	return w.position(ctx)
}

// position tells where a waiting job stands and why it does, when that has changed.
func (w *watch) position(ctx context.Context) error {
	p, ok := w.s.Place(ctx, w.id)
	reason := w.s.Reason(w.job)
	if (!ok || p.Position == w.place.Position) && reason == w.reason {
		return nil
	}
	w.place, w.reason = p, reason
	m := map[string]any{"state": Queued}
	if reason != "" {
		m["reason"] = reason
	}
	if ok {
		m["position"] = p.Position
	}
	if !p.End.IsZero() {
		m["eta_seconds"] = max(0, p.End.Sub(w.s.clock()).Seconds())
	}
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return w.fn(Event{Type: string(Queued), Data: data})
}

// Wait blocks until a job has ended, or ctx.
func (s *Service) Wait(ctx context.Context, id string) (Job, error) {
	if err := s.Watch(ctx, id, "", func(Event) error { return nil }); err != nil {
		return Job{}, err
	}
	return s.Get(ctx, id)
}
