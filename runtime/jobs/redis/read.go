package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/containerd/errdefs"
	"github.com/redis/go-redis/v9"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// Get implements jobs.Store.
func (s *Store) Get(ctx context.Context, id string) (jobs.Job, error) {
	data, err := s.db.HGet(ctx, s.key("job", id), "data").Bytes()
	if err != nil {
		return jobs.Job{}, named(id, err)
	}
	return jobs.Decode(data)
}

// Taken implements jobs.Store.
func (s *Store) Taken(ctx context.Context, client, key string) (string, error) {
	id, err := s.db.HGet(ctx, s.key("idem"), keyField(jobs.Job{Client: client, Key: key})).Result()
	if errors.Is(err, redis.Nil) {
		return "", nil
	}
	return id, classify(err)
}

// Payload implements jobs.Store.
func (s *Store) Payload(ctx context.Context, id string) ([]byte, error) {
	b, err := s.db.HGet(ctx, s.key("job", id), "body").Bytes()
	return b, named(id, err)
}

func named(id string, err error) error {
	if errors.Is(err, redis.Nil) {
		return fmt.Errorf("job %q: %w", id, errdefs.ErrNotFound)
	}
	return classify(err)
}

// fetch reads records; those that have gone meanwhile are left out.
func (s *Store) fetch(ctx context.Context, ids []string) ([]jobs.Job, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	cmds := make([]*redis.StringCmd, len(ids))
	_, err := s.db.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			cmds[i] = p.HGet(ctx, s.key("job", id), "data")
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, classify(err)
	}
	out := make([]jobs.Job, 0, len(ids))
	for _, c := range cmds {
		data, err := c.Bytes()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return nil, classify(err)
		}
		j, err := jobs.Decode(data)
		if err != nil {
			return nil, err
		}
		out = append(out, j)
	}
	return out, nil
}

// List implements jobs.Store: it merges the id lists that the filter touches, page by page, and drops what the rest of
// the filter does not want.
func (s *Store) List(ctx context.Context, f jobs.Filter) ([]jobs.Job, error) {
	limit := f.Limit
	if limit <= 0 {
		limit = 50
	}
	keys, err := s.lists(ctx, f)
	if err != nil {
		return nil, err
	}
	var out []jobs.Job
	size := limit
	if f.Client != "" || !f.EndedBefore.IsZero() {
		size = max(limit, 500) // most may not match: fewer round trips
	}
	for before := f.Before; ; {
		ids, err := s.page(ctx, keys, f, before, size)
		if err != nil || len(ids) == 0 {
			return out, err
		}
		before = ids[len(ids)-1]
		page, err := s.fetch(ctx, ids)
		if err != nil {
			return nil, err
		}
		for _, j := range page {
			if !matches(f, j) {
				continue
			}
			if out = append(out, j); len(out) == limit {
				return out, nil
			}
		}
		if len(ids) < size {
			return out, nil
		}
	}
}

func (s *Store) lists(ctx context.Context, f jobs.Filter) ([]string, error) {
	if f.Batch != "" {
		return []string{s.key("batch", esc(f.Batch))}, nil
	}
	models, states := []string{f.Model}, f.States
	if f.Model == "" {
		var err error
		if models, err = s.db.SMembers(ctx, s.key("models")).Result(); err != nil {
			return nil, classify(err)
		}
	}
	if len(states) == 0 {
		states = jobs.States
	}
	var keys []string
	for _, m := range models {
		for _, st := range states {
			keys = append(keys, s.key("ids", esc(m), string(st)))
		}
	}
	return keys, nil
}

// page gives the next limit ids of all lists together.
func (s *Store) page(ctx context.Context, keys []string, f jobs.Filter, before string, limit int) ([]string, error) {
	by := &redis.ZRangeBy{Min: "-", Max: "+", Count: int64(limit)}
	if newest := f.Newest(); newest != "" {
		by.Max = "(" + newest
	}
	oldest := f.OldestFirst
	switch {
	case before == "":
	case oldest:
		by.Min = "(" + before
	case by.Max == "+" || by.Max > "("+before:
		by.Max = "(" + before
	}
	cmds := make([]*redis.StringSliceCmd, len(keys))
	_, err := s.db.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, k := range keys {
			if oldest {
				cmds[i] = p.ZRangeByLex(ctx, k, by)
			} else {
				cmds[i] = p.ZRevRangeByLex(ctx, k, by)
			}
		}
		return nil
	})
	if err != nil {
		return nil, classify(err)
	}
	var ids []string
	for _, c := range cmds {
		ids = append(ids, c.Val()...)
	}
	slices.Sort(ids)
	if !oldest {
		slices.Reverse(ids)
	}
	ids = slices.Compact(ids) // a job that changed state between two lists
	return ids[:min(len(ids), limit)], nil
}

func matches(f jobs.Filter, j jobs.Job) bool {
	return (f.Model == "" || j.Model == f.Model) && (f.Client == "" || j.Client == f.Client) && (f.Batch == "" || j.Batch == f.Batch) &&
		(len(f.States) == 0 || slices.Contains(f.States, j.State)) &&
		(f.EndedBefore.IsZero() || j.State.Ended() && j.Finished.Before(f.EndedBefore))
}

// Tally implements jobs.Store.
func (s *Store) Tally(ctx context.Context, model string) (sum jobs.Tally, err error) {
	models := []string{model}
	if model == "" {
		if models, err = s.db.SMembers(ctx, s.key("models")).Result(); err != nil {
			return sum, classify(err)
		}
	}
	for _, m := range models {
		t, err := s.tally(ctx, m)
		if err != nil {
			return sum, err
		}
		sum = sum.Merge(t)
	}
	return sum, nil
}

func (s *Store) tally(ctx context.Context, model string) (t jobs.Tally, err error) {
	h, err := s.db.HGetAll(ctx, s.key("tally", esc(model))).Result()
	if err != nil || len(h) == 0 {
		return t, classify(err)
	}
	last, err := s.db.LRange(ctx, s.key("last", esc(model)), 0, jobs.LastN-1).Result()
	if err != nil {
		return t, classify(err)
	}
	n := func(f string) int64 { v, _ := strconv.ParseInt(h[f], 10, 64); return v } // an absent field is 0
	t = jobs.Tally{
		Completed: n("completed"), Failed: n("failed"), Cancelled: n("cancelled"), Dead: n("dead"),
		Seconds: float64(n("us")) / 1e6, MinSeconds: float64(n("minus")) / 1e6, MaxSeconds: float64(n("maxus")) / 1e6,
		PromptBytes: n("prompt"), MinPrompt: n("minprompt"), MaxPrompt: n("maxprompt"), LastUse: time.UnixMicro(n("lastuse")).UTC(),
	}
	for _, text := range last {
		var l jobs.Last
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			return t, err
		}
		t.Last = append(t.Last, l)
	}
	return t, nil
}
