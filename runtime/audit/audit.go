// Package audit keeps a log of who did what, from where, and what came of it: one line of JSON for each, in a file per month
// that is only ever appended to. Each line names the digest of the one before it, over the months, so that a line that was
// changed, or taken away from the middle, shows; what Tell gave away shows whether the end is there.
package audit

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Entry is one line.
type Entry struct {
	Time   time.Time `json:"time"`
	ID     string    `json:"requestId"`
	Who    string    `json:"who"`           // "" where nobody was asked, or somebody was not known
	Kind   string    `json:"kind"`          // of the credential
	Key    string    `json:"key,omitempty"` // id of a key
	From   string    `json:"from"`
	Method string    `json:"method"`
	Path   string    `json:"path"`
	Status int       `json:"status"`
	Prev   string    `json:"prev"` // SHA-256 of the line before
}

// file is what lines are appended to.
type file interface {
	io.WriteCloser
	Sync() error
	Stat() (fs.FileInfo, error)
}

// Log appends to the files of a folder. Safe for concurrent use.
type Log struct {
	// Tell hears now and then, and at a month's end and the log's, which digest the last line of a file has: kept elsewhere, it
	// shows that lines were taken away from the end, or that all were written anew. Nil: nobody does.
	Tell func(file, head string)
	// Lost hears of lines given to Soon that could not be written. Nil: nobody does.
	Lost func(lines int, err error)
	dir  string

	mu      sync.Mutex
	waiting []byte // lines that are to be written
	lines   int    // of them
	timer   *time.Timer
	file    file
	is      fs.FileInfo // which file that is
	month   string
	prev    string
	told    time.Time
	untold  bool
}

// tellEvery is how often Tell hears of a log that is written.
const tellEvery = time.Hour

// Open opens the log of a folder, which it makes.
func Open(dir string) (*Log, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the folder of the audit log: %w", err)
	}
	return &Log{dir: dir}, nil
}

// Write appends a line, and those before it that wait. After an error the file is opened anew, and what has been written of the line
// is closed then.
func (l *Log) Write(e Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.add(e); err != nil {
		return err
	}
	return l.flush(1)
}

// Soon appends a line within a moment, in one write with those that come meanwhile: for what is done a thousand times in a second,
// of which a crash of this program may take the last. Lost hears where that fails.
func (l *Log) Soon(e Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.add(e); err != nil {
		return err
	}
	if l.lines == 1 {
		l.timer = time.AfterFunc(moment, l.write)
	}
	if len(l.waiting) >= most {
		return l.flush(1)
	}
	return nil
}

const (
	moment = 20 * time.Millisecond
	most   = 256 << 10 // bytes that wait
)

func (l *Log) write() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.flush(0) // Lost has heard
}

// add puts a line behind those that wait; the caller holds l.mu.
func (l *Log) add(e Entry) error {
	e.Time = e.Time.UTC()
	if l.month == "" {
		l.month = newest(l.dir)
	}
	month := max(l.month, e.Time.Format(monthForm)) // a clock that was set back leaves the chain in order
	if month != l.month {
		if err := l.flush(0); err != nil {
			return err
		}
	}
	if l.lines == 0 {
		if err := l.open(month); err != nil {
			return err
		}
	}
	e.Prev = l.prev
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	l.waiting, l.prev = append(append(l.waiting, line...), '\n'), sum(line)
	l.lines++
	return nil
}

// flush writes what waits. The caller holds l.mu, and tells of the last lines, own, itself where that fails.
func (l *Log) flush(own int) error {
	if l.lines == 0 {
		return nil
	}
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	_, err := l.file.Write(l.waiting)
	others := l.lines - own
	l.waiting, l.lines = l.waiting[:0], 0
	if err != nil {
		err = errors.Join(fmt.Errorf("cannot write the audit log: %w", err), l.drop())
		if others > 0 && l.Lost != nil {
			l.Lost(others, err)
		}
		return err
	}
	if l.untold = true; time.Since(l.told) >= tellEvery {
		l.tell()
	}
	return nil
}

// tell gives the digest of the last line away; the caller holds l.mu.
func (l *Log) tell() {
	if l.Tell != nil && l.untold {
		l.Tell(l.month+tail, l.prev)
	}
	l.told, l.untold = time.Now(), false
}

// drop closes the file, so that the next line looks anew at what is there.
func (l *Log) drop() error {
	f := l.file
	l.file, l.is = nil, nil
	return f.Close()
}

// open goes on with the file of a month. A last line that a crash cut off stays, and a new line begins after it. Where somebody has
// taken the file away, another begins, whose first line names the last of the one that is gone.
func (l *Log) open(month string) error {
	path := filepath.Join(l.dir, month+tail)
	if l.file != nil {
		st, err := os.Stat(path)
		if month == l.month && err == nil && os.SameFile(st, l.is) {
			return nil
		}
		if month != l.month {
			l.tell()
		}
		if err := errors.Join(l.file.Sync(), l.drop()); err != nil {
			return fmt.Errorf("cannot close the audit log: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("cannot open the audit log: %w", err)
	}
	last, whole, err := lastLine(f)
	if err == nil && !whole {
		_, err = f.Write([]byte("\n"))
	}
	prev := l.prev
	switch {
	case err != nil:
	case last != nil:
		prev = sum(last)
	case prev == "":
		prev, err = headBefore(l.dir, month+tail)
	}
	if err == nil {
		l.is, err = f.Stat()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("cannot go on with the audit log: %w", err), f.Close())
	}
	l.file, l.month, l.prev = f, month, prev
	return nil
}

func lastLine(f io.Reader) (last []byte, whole bool, err error) {
	whole = true
	for r := bufio.NewReader(f); ; {
		line, err := r.ReadBytes('\n')
		if len(line) > 0 {
			if whole = line[len(line)-1] == '\n'; whole {
				line = line[:len(line)-1]
			}
			last = line
		}
		if errors.Is(err, io.EOF) {
			return last, whole, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
}

func sum(line []byte) string {
	s := sha256.Sum256(line)
	return hex.EncodeToString(s[:])
}

// Close closes the file; it may be called twice.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	if err := l.flush(0); err != nil {
		return err
	}
	l.tell()
	return errors.Join(l.file.Sync(), l.drop())
}
