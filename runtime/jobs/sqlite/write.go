package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// Insert implements jobs.Store.
func (s *Store) Insert(ctx context.Context, fresh []jobs.Fresh) error {
	return s.submit(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, f := range fresh {
			if err := insert(ctx, tx, f); err != nil {
				return err
			}
		}
		return nil
	}, func() {
		for _, f := range fresh {
			s.load.move(f.Job.Model, "", f.Job.State)
		}
	})
}

func insert(ctx context.Context, tx *sql.Tx, f jobs.Fresh) error {
	if err := takeKey(ctx, tx, f.Job); err != nil {
		return err
	}
	f.Job.Rev = 1
	args, err := columns(f.Job)
	if err != nil {
		return err
	}
	const q = `INSERT INTO job (id, rev, model, priority, client, state, batch, ready, due, ended, hook, data) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)`
	if _, err := tx.ExecContext(ctx, q, args...); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO payload (id, body) VALUES (?,?)`, f.Job.ID, notNil(f.Payload))
	return err
}

func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func takeKey(ctx context.Context, tx *sql.Tx, j jobs.Job) error {
	if j.Key == "" {
		return nil
	}
	var id string
	err := tx.QueryRowContext(ctx, `SELECT id FROM idempotency WHERE client = ? AND key = ?`, j.Client, j.Key).Scan(&id)
	if err == nil {
		return &jobs.KeyTakenError{Key: j.Key, ID: id}
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO idempotency (client, key, id) VALUES (?,?,?)`, j.Client, j.Key, j.ID)
	return err
}

// columns gives a row's values in the order of the INSERT.
func columns(j jobs.Job) ([]any, error) {
	data, err := json.Marshal(j)
	if err != nil {
		return nil, fmt.Errorf("encoding job %s: %w", j.ID, err)
	}
	var due, ended, hook any
	switch {
	case j.State == jobs.Queued && !j.Deadline.IsZero():
		due = j.Deadline.UnixMicro()
	case j.State == jobs.Running && j.Lease != nil:
		due = j.Lease.Until.UnixMicro()
	case j.State.Ended():
		ended = j.Finished.UnixMicro()
	}
	if j.Hook != nil && !j.Hook.Due.IsZero() {
		hook = j.Hook.Due.UnixMicro()
	}
	return []any{j.ID, j.Rev, j.Model, int(j.Priority), j.Client, string(j.State), nullable(j.Batch), j.Ready.UnixMicro(), due, ended, hook, data}, nil
}

func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Swap implements jobs.Store.
func (s *Store) Swap(ctx context.Context, old, next jobs.Job) (jobs.Job, error) {
	next.Rev = old.Rev + 1
	args, err := columns(next)
	if err != nil {
		return jobs.Job{}, err
	}
	err = s.submit(ctx, func(ctx context.Context, tx *sql.Tx) error {
		const q = `UPDATE job SET rev = ?, priority = ?, state = ?, ready = ?, due = ?, ended = ?, hook = ?, data = ? WHERE id = ? AND rev = ?`
		res, err := tx.ExecContext(ctx, q, args[1], args[3], args[5], args[7], args[8], args[9], args[10], args[11], old.ID, old.Rev)
		if err != nil {
			return err
		}
		if err := changed(ctx, tx, res, old); err != nil {
			return err
		}
		if next.State.Ended() && !old.State.Ended() {
			return count(ctx, tx, next)
		}
		return nil
	}, func() { s.load.move(old.Model, old.State, next.State) })
	if err != nil {
		return jobs.Job{}, err
	}
	return next, nil
}

// changed tells a lost race from a missing job.
func changed(ctx context.Context, tx *sql.Tx, res sql.Result, old jobs.Job) error {
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	var rev int64
	if err := tx.QueryRowContext(ctx, `SELECT rev FROM job WHERE id = ?`, old.ID).Scan(&rev); err != nil {
		return err
	}
	return fmt.Errorf("job %s has revision %d, not %d: read it again: %w", old.ID, rev, old.Rev, errdefs.ErrFailedPrecondition)
}

func count(ctx context.Context, tx *sql.Tx, j jobs.Job) error {
	t, err := readTally(tx.QueryRowContext(ctx, `SELECT data FROM tally WHERE model = ?`, j.Model))
	if err != nil {
		return err
	}
	data, err := json.Marshal(t.Add(j))
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO tally (model, data) VALUES (?,?) ON CONFLICT (model) DO UPDATE SET data = excluded.data`, j.Model, data)
	return err
}

func readTally(row *sql.Row) (t jobs.Tally, err error) {
	var data []byte
	if err := row.Scan(&data); errors.Is(err, sql.ErrNoRows) {
		return t, nil
	} else if err != nil {
		return t, err
	}
	return t, json.Unmarshal(data, &t)
}

// Delete implements jobs.Store.
func (s *Store) Delete(ctx context.Context, old jobs.Job) error {
	return s.submit(ctx, func(ctx context.Context, tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM job WHERE id = ? AND rev = ?`, old.ID, old.Rev)
		if err != nil {
			return err
		}
		if err := changed(ctx, tx, res, old); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM payload WHERE id = ?`, old.ID)
		_, kerr := tx.ExecContext(ctx, `DELETE FROM idempotency WHERE client = ? AND key = ? AND id = ?`, old.Client, old.Key, old.ID)
		return errors.Join(err, kerr)
	}, func() { s.load.move(old.Model, old.State, "") })
}

// micro is the inverse of time.Time.UnixMicro as columns uses it.
func micro(v int64) time.Time { return time.UnixMicro(v).UTC() }
