package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// Store is a jobs.Backend in one SQLite file.
type Store struct {
	read   *sql.DB
	write  *sql.DB // one connection
	upkeep *sql.DB // one connection, for checkpoints
	lock   *os.File
	writes chan *write
	done   chan struct{}
	stop   chan struct{} // ends the checkpoints
	kept   chan struct{} // they have ended
	dirty  atomic.Bool   // something was committed since the last

	mu     sync.RWMutex
	closed bool

	nodes nodeList
	load  loads
}

var _ jobs.Backend = (*Store)(nil)

// schema: columns are what queries need; data is the whole record. Indexes on the queue and on
// due times are partial: they stay small however many jobs have ended.
const schema = `
CREATE TABLE IF NOT EXISTS job (
	id TEXT PRIMARY KEY, rev INTEGER NOT NULL, model TEXT NOT NULL, priority INTEGER NOT NULL, client TEXT NOT NULL,
	state TEXT NOT NULL, batch TEXT, ready INTEGER NOT NULL, due INTEGER, ended INTEGER, hook INTEGER, data BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS job_queue ON job (model, priority, client, id, ready) WHERE state = 'queued';
CREATE INDEX IF NOT EXISTS job_due ON job (due) WHERE due IS NOT NULL;
CREATE INDEX IF NOT EXISTS job_hook ON job (hook) WHERE hook IS NOT NULL;
CREATE INDEX IF NOT EXISTS job_batch ON job (batch, id) WHERE batch IS NOT NULL;
CREATE INDEX IF NOT EXISTS job_state ON job (state, id);
CREATE INDEX IF NOT EXISTS job_model ON job (model, state, id);
CREATE TABLE IF NOT EXISTS payload (id TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS idempotency (client TEXT NOT NULL, key TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (client, key)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tally (model TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT;
PRAGMA user_version = 1;
`

// Open opens or makes the file at path. A file that another process has open is FailedPrecondition.
func Open(ctx context.Context, path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("making the folder of the jobs database: %w", err)
	}
	lock, err := takeLock(path + ".lock")
	if err != nil {
		return nil, err
	}
	s := &Store{lock: lock, writes: make(chan *write, 256), done: make(chan struct{}), stop: make(chan struct{}), kept: make(chan struct{})}
	if err := s.connect(ctx, path); err != nil {
		return nil, errors.Join(err, s.release())
	}
	go s.writer()
	go s.checkpoints()
	return s, nil
}

func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock of the jobs database: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("another process has the jobs database %s open: stop it, or use a data directory of its own: %w", path, errdefs.ErrFailedPrecondition)
	}
	return f, nil
}

// private makes the file before SQLite does, for this user's eyes only; SQLite gives its companions the same mode.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("opening the jobs database: %w", err)
	}
	return errors.Join(f.Chmod(0o600), f.Close())
}

func (s *Store) connect(ctx context.Context, path string) (err error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if err := private(abs); err != nil {
		return err
	}
	u := url.URL{Scheme: "file", Path: abs, RawQuery: url.Values{"_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "cache_size(-2000)", "wal_autocheckpoint(0)", "temp_store(MEMORY)",
	}}.Encode()}
	if s.write, err = sql.Open("sqlite", u.String()); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	if _, err = s.write.ExecContext(ctx, schema); err != nil {
		return fmt.Errorf("opening the jobs database %s: %w", path, classify(err))
	}
	if s.read, err = sql.Open("sqlite", u.String()+"&_pragma=query_only(1)"); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(3)
	if s.upkeep, err = sql.Open("sqlite", u.String()); err != nil {
		return err
	}
	s.upkeep.SetMaxOpenConns(1)
	return s.countLoads(ctx)
}

// Close waits for running writes and closes the file. It may be called twice.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.writes)
	s.mu.Unlock()
	<-s.done
	close(s.stop)
	<-s.kept
	return s.release()
}

func (s *Store) release() error {
	var err error
	for _, db := range []*sql.DB{s.read, s.upkeep, s.write} {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	return errors.Join(err, s.lock.Close())
}

// classify gives SQLite's errors their class.
func classify(err error) error {
	var e *sqlite.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return errdefs.ErrNotFound
	case errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w (%w)", jobs.ErrDiskFull, err)
	case errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_CORRUPT || e.Code()&0xff == sqlite3.SQLITE_NOTADB):
		return fmt.Errorf("the jobs database is damaged, move it away to begin with an empty one: %w (%w)", err, errdefs.ErrDataLoss)
	}
	return err
}
