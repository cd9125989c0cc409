package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/containerd/errdefs"
)

// write is one caller's change, done inside a savepoint of a shared transaction.
type write struct {
	ctx   context.Context
	do    func(context.Context, *sql.Tx) error
	after func() // when durable
	err   chan error
}

// maxShared bounds how many writes share a transaction.
const maxShared = 128

var errClosed = fmt.Errorf("the jobs database is closed: %w", errdefs.ErrUnavailable)

// submit hands a write over and waits until it is durable or has failed.
func (s *Store) submit(ctx context.Context, do func(context.Context, *sql.Tx) error, after func()) error {
	w := &write{ctx: ctx, do: do, after: after, err: make(chan error, 1)}
	s.mu.RLock()
	if s.closed {
		s.mu.RUnlock()
		return errClosed
	}
	s.writes <- w
	s.mu.RUnlock()
	return <-w.err
}

// writer owns the writing connection: it takes one write, and with it all that wait already.
func (s *Store) writer() {
	defer close(s.done)
	for w := range s.writes {
		group := []*write{w}
		for more := true; more && len(group) < maxShared; {
			select {
			case next, ok := <-s.writes:
				if more = ok; ok {
					group = append(group, next)
				}
			default:
				more = false
			}
		}
		s.commit(group)
	}
}

func (s *Store) commit(group []*write) {
	ctx := context.Background()
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		reply(group, classify(err))
		return
	}
	var good []*write
	for _, w := range group {
		if err := saved(ctx, tx, w); err != nil {
			w.err <- classify(err)
			continue
		}
		good = append(good, w)
	}
	if err := tx.Commit(); err != nil {
		tx.Rollback() //nolint:errcheck // the commit's error tells more
		reply(good, classify(err))
		return
	}
	s.dirty.Store(true)
	for _, w := range good {
		w.after()
	}
	reply(good, nil)
}

func reply(group []*write, err error) {
	for _, w := range group {
		w.err <- err
	}
}

// saved does one write so that its failure leaves the others alone.
func saved(ctx context.Context, tx *sql.Tx, w *write) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "SAVEPOINT one"); err != nil {
		return err
	}
	err := w.do(ctx, tx)
	if err != nil {
		if _, rerr := tx.ExecContext(ctx, "ROLLBACK TO one"); rerr != nil {
			return errors.Join(err, rerr)
		}
	}
	if _, rerr := tx.ExecContext(ctx, "RELEASE one"); err == nil {
		return rerr
	}
	return err
}
