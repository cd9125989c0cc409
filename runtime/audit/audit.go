// Package audit keeps a log of who did what, from where, and what came of it: one line of JSON for each, in a file per month
// that is only ever appended to. Each line names the digest of the one before it, so that a line that was changed, or taken
// away from the middle, shows.
package audit

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/containerd/errdefs"
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

// Log appends to the files of a folder. Safe for concurrent use.
type Log struct {
	dir string

	mu    sync.Mutex
	file  *os.File
	month string
	prev  string
}

// Open opens the log of a folder, which it makes.
func Open(dir string) (*Log, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the folder of the audit log: %w", err)
	}
	return &Log{dir: dir}, nil
}

// Write appends a line.
func (l *Log) Write(e Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Time = e.Time.UTC()
	if err := l.open(e.Time.Format("2006-01")); err != nil {
		return err
	}
	e.Prev = l.prev
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if _, err := l.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("cannot write the audit log: %w", err)
	}
	l.prev = sum(line)
	return nil
}

// open goes on with the file of a month. A last line that a crash cut off stays, and a new line begins after it.
func (l *Log) open(month string) error {
	if month == l.month && l.file != nil {
		return nil
	}
	path := filepath.Join(l.dir, month+".jsonl")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("cannot open the audit log: %w", err)
	}
	last, whole, err := lastLine(f)
	if err == nil && !whole {
		_, err = f.Write([]byte("\n"))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("cannot go on with the audit log: %w", err), f.Close())
	}
	if l.file != nil {
		err = l.file.Close()
	}
	l.file, l.month, l.prev = f, month, ""
	if last != nil {
		l.prev = sum(last)
	}
	return err
}

func lastLine(f *os.File) (last []byte, whole bool, err error) {
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
	f := l.file
	l.file = nil
	return errors.Join(f.Sync(), f.Close())
}

// Verify reads a file and gives how many lines it has. DataLoss names the first line whose predecessor is not the one that
// was there when it was written.
func Verify(r io.Reader) (n int, err error) {
	prev := ""
	for b := bufio.NewReader(r); ; n++ {
		line, err := b.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return n, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return n, err
		}
		if line[len(line)-1] == '\n' {
			line = line[:len(line)-1]
		}
		var e Entry
		if jerr := json.Unmarshal(line, &e); jerr == nil && e.Prev != prev {
			return n, fmt.Errorf("line %d follows another line than it did when it was written: %w", n+1, errdefs.ErrDataLoss)
		} else if jerr != nil && err == nil { // cut off by a crash: the next one names it all the same
			e = Entry{}
		}
		prev = sum(line)
	}
}
