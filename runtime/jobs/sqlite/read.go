package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// Get implements jobs.Store.
func (s *Store) Get(ctx context.Context, id string) (jobs.Job, error) {
	var data []byte
	if err := s.read.QueryRowContext(ctx, `SELECT data FROM job WHERE id = ?`, id).Scan(&data); err != nil {
		return jobs.Job{}, named(id, err)
	}
	return jobs.Decode(data)
}

// Taken implements jobs.Store.
func (s *Store) Taken(ctx context.Context, client, key string) (id string, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT id FROM idempotency WHERE client = ? AND key = ?`, client, key).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, classify(err)
}

// Payload implements jobs.Store.
func (s *Store) Payload(ctx context.Context, id string) (body []byte, err error) {
	if err := s.read.QueryRowContext(ctx, `SELECT body FROM payload WHERE id = ?`, id).Scan(&body); err != nil {
		return nil, named(id, err)
	}
	return body, nil
}

func named(id string, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("job %q: %w", id, errdefs.ErrNotFound)
	}
	return classify(err)
}

// List implements jobs.Store.
func (s *Store) List(ctx context.Context, f jobs.Filter) ([]jobs.Job, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	if len(f.States) < 2 || f.Batch != "" {
		q, args := listQuery(f)
		return s.jobs(ctx, q, args...)
	}
	return s.merge(ctx, f)
}

// merge asks for each state by itself, which its index answers in order, and puts the pages together.
func (s *Store) merge(ctx context.Context, f jobs.Filter) ([]jobs.Job, error) {
	var all []jobs.Job
	for _, state := range f.States {
		one := f
		one.States = []jobs.State{state}
		q, args := listQuery(one)
		page, err := s.jobs(ctx, q, args...)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
	}
	slices.SortFunc(all, func(a, b jobs.Job) int {
		if f.OldestFirst {
			return strings.Compare(a.ID, b.ID)
		}
		return strings.Compare(b.ID, a.ID)
	})
	// A job that changed its state between two of the queries is there twice.
	all = slices.CompactFunc(all, func(a, b jobs.Job) bool { return a.ID == b.ID })
	return all[:min(len(all), f.Limit)], nil
}

func listQuery(f jobs.Filter) (string, []any) {
	var where []string
	var args []any
	add := func(cond string, a ...any) { where, args = append(where, cond), append(args, a...) }
	for _, c := range []struct{ column, value string }{{"model", f.Model}, {"client", f.Client}, {"batch", f.Batch}} {
		if c.value != "" {
			add(c.column+" = ?", c.value)
		}
	}
	if len(f.States) > 0 {
		states := make([]any, len(f.States))
		for i, st := range f.States {
			states[i] = string(st)
		}
		add("state IN (?"+strings.Repeat(",?", len(states)-1)+")", states...)
	}
	order, than := "DESC", "<"
	if f.OldestFirst {
		order, than = "ASC", ">"
	}
	if f.Before != "" {
		add("id "+than+" ?", f.Before)
	}
	if !f.EndedBefore.IsZero() {
		add("ended < ?", f.EndedBefore.UnixMicro())
		add("id < ?", f.Newest())
	}
	q := "SELECT data FROM job"
	if len(where) > 0 {
		q += " WHERE " + strings.Join(where, " AND ")
	}
	return q + " ORDER BY id " + order + " LIMIT ?", append(args, f.Limit)
}

func (s *Store) jobs(ctx context.Context, q string, args ...any) (out []jobs.Job, err error) {
	err = s.each(ctx, func(rows *sql.Rows) error {
		var data []byte
		if err := rows.Scan(&data); err != nil {
			return err
		}
		j, err := jobs.Decode(data)
		out = append(out, j)
		return err
	}, q, args...)
	return out, err
}

func (s *Store) each(ctx context.Context, row func(*sql.Rows) error, q string, args ...any) error {
	rows, err := s.read.QueryContext(ctx, q, args...)
	if err != nil {
		return classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return classify(err)
		}
	}
	return classify(rows.Err())
}

// Tally implements jobs.Store.
func (s *Store) Tally(ctx context.Context, model string) (jobs.Tally, error) {
	if model != "" {
		t, err := readTally(s.read.QueryRowContext(ctx, `SELECT data FROM tally WHERE model = ?`, model))
		return t, classify(err)
	}
	var sum jobs.Tally
	err := s.each(ctx, func(rows *sql.Rows) error {
		var data []byte
		var t jobs.Tally
		if err := rows.Scan(&data); err != nil {
			return err
		}
		err := json.Unmarshal(data, &t)
		sum = sum.Merge(t)
		return err
	}, `SELECT data FROM tally`)
	return sum, err
}

const headsQuery = `
WITH RECURSIVE g (model, priority, client) AS (
	SELECT * FROM (SELECT model, priority, client FROM job INDEXED BY job_queue WHERE state = 'queued' ORDER BY model, priority, client LIMIT 1)
	UNION ALL
	SELECT n.model, n.priority, n.client FROM g, job n WHERE n.id = coalesce(
		(SELECT id FROM job INDEXED BY job_queue WHERE state = 'queued' AND model = g.model AND priority = g.priority AND client > g.client ORDER BY client, id LIMIT 1),
		(SELECT id FROM job INDEXED BY job_queue WHERE state = 'queued' AND model = g.model AND priority > g.priority ORDER BY priority, client, id LIMIT 1),
		(SELECT id FROM job INDEXED BY job_queue WHERE state = 'queued' AND model > g.model ORDER BY model, priority, client, id LIMIT 1))
)
SELECT g.model, g.priority, g.client, j.id, j.ready FROM g, job j WHERE j.id = (
	SELECT id FROM job WHERE state = 'queued' AND model = g.model AND priority = g.priority AND client = g.client AND ready <= ?
	ORDER BY id LIMIT 1)`

const (
	waitingQuery = `SELECT model, priority, client, id, ready FROM job INDEXED BY job_queue WHERE state = 'queued' ORDER BY model, priority, client, id LIMIT ?`
	overdueQuery = `SELECT data FROM job WHERE due < ? ORDER BY due LIMIT ?`
	hooksQuery   = `SELECT data FROM job WHERE hook <= ? ORDER BY hook LIMIT ?`
)

// Heads implements jobs.Queue. It hops through the queue's index from group to group, so that its cost is that of the
// groups, not of the jobs; a group whose oldest jobs are not ready yet is searched for its first that is.
func (s *Store) Heads(ctx context.Context, now time.Time) (out []jobs.Head, err error) {
	err = s.each(ctx, func(rows *sql.Rows) error {
		var h jobs.Head
		var ready int64
		err := rows.Scan(&h.Model, &h.Priority, &h.Client, &h.ID, &ready)
		h.Created = micro(ready)
		out = append(out, h)
		return err
	}, headsQuery, now.UnixMicro())
	return out, err
}

// Waiting implements jobs.Queue.
func (s *Store) Waiting(ctx context.Context, limit int) (out []jobs.Entry, err error) {
	err = s.each(ctx, func(rows *sql.Rows) error {
		var e jobs.Entry
		var ready int64
		err := rows.Scan(&e.Model, &e.Priority, &e.Client, &e.ID, &ready)
		e.Ready = micro(ready)
		out = append(out, e)
		return err
	}, waitingQuery, limit)
	return out, err
}

// Overdue implements jobs.Queue.
func (s *Store) Overdue(ctx context.Context, now time.Time, limit int) ([]jobs.Job, error) {
	return s.jobs(ctx, overdueQuery, now.UnixMicro(), limit)
}

// HooksDue implements jobs.Queue.
func (s *Store) HooksDue(ctx context.Context, now time.Time, limit int) ([]jobs.Job, error) {
	return s.jobs(ctx, hooksQuery, now.UnixMicro(), limit)
}
