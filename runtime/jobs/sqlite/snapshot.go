package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// Snapshot writes a consistent copy of the database at path into a new file, also while a server uses it.
func Snapshot(ctx context.Context, path, to string) error {
	db, err := attach(path, "busy_timeout(10000)")
	if err != nil {
		return err
	}
	defer db.Close()
	if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := private(to); err != nil { // SQLite takes an empty file for a new one
		return err
	}
	if _, err := db.ExecContext(ctx, `VACUUM INTO ?`, to); err != nil {
		return fmt.Errorf("copying the jobs database %s: %w", path, classify(err))
	}
	return nil
}

// Each gives every job of a copy to fn, in no order.
func Each(ctx context.Context, path string, fn func(jobs.Job) error) error {
	db, err := attach(path, "query_only(1)")
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, `SELECT data FROM job`)
	if err != nil {
		return classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		var data []byte
		if err := rows.Scan(&data); err != nil {
			return classify(err)
		}
		j, err := jobs.Decode(data)
		if err == nil {
			err = fn(j)
		}
		if err != nil {
			return err
		}
	}
	return rows.Err()
}

// attach opens a file that is there, without making it a Store.
func attach(path, pragma string) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err == nil {
		_, err = os.Stat(abs)
	}
	if err != nil {
		return nil, err
	}
	u := url.URL{Scheme: "file", Path: abs, RawQuery: url.Values{"_pragma": {pragma}}.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}
