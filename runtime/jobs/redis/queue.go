package redis

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// Heads implements jobs.Queue.
func (s *Store) Heads(ctx context.Context, now time.Time) ([]jobs.Head, error) {
	for {
		n, err := promote.Run(ctx, s.db, []string{s.key("later"), s.key("groups")}, score(now), s.key("q")+":").Int()
		if err != nil {
			return nil, classify(err)
		}
		if n < 1000 {
			break
		}
	}
	flat, err := heads.Run(ctx, s.db, []string{s.key("groups"), s.key("ready")}, s.key("q")+":").StringSlice()
	if err != nil {
		return nil, classify(err)
	}
	var out []jobs.Head
	for i := 0; i+2 < len(flat); i += 3 {
		g, ok := parseGroup(flat[i])
		us, err := strconv.ParseInt(flat[i+2], 10, 64)
		if ok && err == nil {
			out = append(out, jobs.Head{Group: g, ID: flat[i+1], Created: time.UnixMicro(us).UTC()})
		}
	}
	return out, nil
}

// Waiting implements jobs.Queue.
func (s *Store) Waiting(ctx context.Context, limit int) ([]jobs.Entry, error) {
	ready, err := s.db.HGetAll(ctx, s.key("ready")).Result()
	if err != nil {
		return nil, classify(err)
	}
	var out []jobs.Entry
	add := func(id, group string) {
		g, ok := parseGroup(group)
		us, err := strconv.ParseInt(ready[id], 10, 64)
		if ok && err == nil && len(out) < limit {
			out = append(out, jobs.Entry{Group: g, ID: id, Ready: time.UnixMicro(us).UTC()})
		}
	}
	if err := s.eachQueued(ctx, limit, add); err != nil {
		return nil, err
	}
	return out, s.eachLater(ctx, limit, add)
}

func (s *Store) eachQueued(ctx context.Context, limit int, add func(id, group string)) error {
	groups, err := s.db.SMembers(ctx, s.key("groups")).Result()
	if err != nil {
		return classify(err)
	}
	cmds := make([]*redis.StringSliceCmd, len(groups))
	_, err = s.db.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, g := range groups {
			cmds[i] = p.ZRange(ctx, s.key("q", g), 0, int64(limit))
		}
		return nil
	})
	for i, c := range cmds {
		for _, id := range c.Val() {
			add(id, groups[i])
		}
	}
	return classify(err)
}

func (s *Store) eachLater(ctx context.Context, limit int, add func(id, group string)) error {
	all, err := s.db.ZRange(ctx, s.key("later"), 0, int64(limit)).Result()
	for _, m := range all {
		if id, group, ok := strings.Cut(m, " "); ok {
			add(id, group)
		}
	}
	return classify(err)
}

// Overdue implements jobs.Queue.
func (s *Store) Overdue(ctx context.Context, now time.Time, limit int) ([]jobs.Job, error) {
	return s.until(ctx, "due", "("+strconv.FormatInt(score(now), 10), limit)
}

// HooksDue implements jobs.Queue.
func (s *Store) HooksDue(ctx context.Context, now time.Time, limit int) ([]jobs.Job, error) {
	return s.until(ctx, "hooks", strconv.FormatInt(score(now), 10), limit)
}

func (s *Store) until(ctx context.Context, index, most string, limit int) ([]jobs.Job, error) {
	ids, err := s.db.ZRangeByScore(ctx, s.key(index), &redis.ZRangeBy{Min: "-inf", Max: most, Count: int64(limit)}).Result()
	if err != nil {
		return nil, classify(err)
	}
	return s.fetch(ctx, ids)
}

// Queued implements jobs.Queue.
func (s *Store) Queued(ctx context.Context) (int, error) {
	n, err := s.db.HLen(ctx, s.key("ready")).Result()
	return int(n), classify(err)
}

// Load implements jobs.Queue.
func (s *Store) Load(ctx context.Context, model string) (queued, running int, err error) {
	models := []string{model}
	if model == "" {
		if models, err = s.db.SMembers(ctx, s.key("models")).Result(); err != nil {
			return 0, 0, classify(err)
		}
	}
	for _, m := range models {
		q, err := s.db.ZCard(ctx, s.key("ids", esc(m), string(jobs.Queued))).Result()
		if err != nil {
			return 0, 0, classify(err)
		}
		r, err := s.db.ZCard(ctx, s.key("ids", esc(m), string(jobs.Running))).Result()
		if err != nil {
			return 0, 0, classify(err)
		}
		queued, running = queued+int(q), running+int(r)
	}
	return queued, running, nil
}

// Beat implements jobs.Queue.
func (s *Store) Beat(ctx context.Context, n jobs.Node) error {
	b, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return classify(s.db.HSet(ctx, s.key("nodes"), n.Name, b).Err())
}

// Nodes implements jobs.Queue. What has not beaten for a day is forgotten.
func (s *Store) Nodes(ctx context.Context, since time.Time) (out []jobs.Node, err error) {
	all, err := s.db.HGetAll(ctx, s.key("nodes")).Result()
	if err != nil {
		return nil, classify(err)
	}
	for name, text := range all {
		var n jobs.Node
		if json.Unmarshal([]byte(text), &n) != nil || n.Seen.Before(since.Add(-24*time.Hour)) {
			s.db.HDel(ctx, s.key("nodes"), name)
			continue
		}
		if !n.Seen.Before(since) {
			out = append(out, n)
		}
	}
	return out, nil
}
