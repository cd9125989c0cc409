package redis

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// A job's events are a Redis stream, whose entry ids are the events' ids: it resumes on any node. Followers are woken by
// publications on the events channel, of which a node has one subscription (Changes), not one per follower.
const (
	streamLen  = 256
	streamKeep = time.Hour // after the last event
)

// Publish implements jobs.Feed.
func (s *Store) Publish(ctx context.Context, id string, e jobs.Event) error {
	k := s.key("ev", id)
	if e.Type == string(jobs.Queued) {
		if n, err := s.db.Exists(ctx, k).Result(); err != nil || n == 0 {
			return classify(err) // nothing has happened yet: a long queue must not fill memory
		}
	}
	return classify(publish.Run(ctx, s.db, []string{k}, s.key("events"), id, e.Type, []byte(e.Data), streamLen, streamKeep.Milliseconds()).Err())
}

// Follow implements jobs.Feed.
func (s *Store) Follow(ctx context.Context, id, after string, ready func(), fn func(jobs.Event) error) error {
	wake, stop := s.listen(id)
	defer stop()
	if after == "" {
		last, err := s.db.XRevRangeN(ctx, s.key("ev", id), "+", "-", 1).Result()
		if err != nil {
			return classify(err)
		}
		after = "0-0"
		if len(last) > 0 {
			after = last[0].ID
		}
	}
	tick := time.NewTicker(2 * time.Second) // publications may be lost with a connection
	defer tick.Stop()
	for first := true; ; first = false {
		all, err := s.db.XRange(ctx, s.key("ev", id), following(after), "+").Result()
		if err != nil {
			return classify(err)
		}
		for _, m := range all {
			if err := fn(event(m)); err != nil {
				return err
			}
			after = m.ID
		}
		if first {
			ready()
		}
		select {
		case <-wake:
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// following gives the smallest stream id after one; "(" in ranges needs Redis 6.2.
func following(id string) string {
	ms, seq, _ := strings.Cut(id, "-")
	n, err := strconv.ParseUint(seq, 10, 64)
	if err != nil {
		return ms // a client's own idea of an id: from that millisecond on
	}
	return ms + "-" + strconv.FormatUint(n+1, 10)
}

func event(m redis.XMessage) jobs.Event {
	kind, _ := m.Values["type"].(string)
	data, _ := m.Values["data"].(string)
	return jobs.Event{ID: m.ID, Type: kind, Data: json.RawMessage(data)}
}

// Drop implements jobs.Feed.
func (s *Store) Drop(ctx context.Context, id string) error {
	return classify(s.db.Del(ctx, s.key("ev", id)).Err())
}

// Changes implements jobs.Notifier; it also wakes the followers of this process.
func (s *Store) Changes(ctx context.Context, fn func(id string)) error {
	sub := s.db.Subscribe(ctx, s.key("changes"), s.key("events"))
	defer sub.Close()
	if _, err := sub.Receive(ctx); err != nil {
		return classify(err)
	}
	ch := sub.Channel()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case m, ok := <-ch:
			if !ok {
				return fmt.Errorf("the subscription to Redis has ended: %w", classify(redis.ErrClosed))
			}
			if m.Channel == s.key("events") {
				s.wake(m.Payload)
			} else {
				fn(m.Payload)
			}
		}
	}
}
