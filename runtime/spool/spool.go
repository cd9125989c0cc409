// Package spool holds bytes on their way from a fast writer to a slow reader: a little in memory, of which all together
// have a budget, the rest in files without a name. What they held is given back when they are closed.
package spool

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
)

// blockSize is the unit of memory and of files, in bytes.
const blockSize = 32 << 10

// Options make a Spool. Zero values take the defaults.
type Options struct {
	Dir    string // of files; default the system's temporary folder
	Memory int64  // bytes that all buffers may hold together, besides one block each; default 64 MiB
	Own    int64  // bytes that one buffer may hold of that; default 8 MiB: an answer of the Lambda API needs no file
}

// Spool is where buffers get memory and files from. Safe for concurrent use.
type Spool struct {
	dir  string
	own  int64
	left atomic.Int64
}

// New makes a Spool.
func New(o Options) *Spool {
	if o.Memory == 0 {
		o.Memory = 64 << 20
	}
	if o.Own == 0 {
		o.Own = 8 << 20
	}
	s := &Spool{dir: o.Dir, own: o.Own}
	s.left.Store(o.Memory)
	return s
}

// take gets memory for one block from the budget.
func (s *Spool) take() bool {
	if s.left.Add(-blockSize) >= 0 {
		return true
	}
	s.give(1)
	return false
}

func (s *Spool) give(blocks int) { s.left.Add(int64(blocks) * blockSize) }

// file makes one without a name: it goes with its descriptor, however the process ends.
func (s *Spool) file() (*os.File, error) {
	f, err := os.CreateTemp(s.dir, "spool-")
	if err != nil {
		return nil, fmt.Errorf("an answer that does not fit into memory needs a file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

var memory = sync.Pool{New: func() any { return new([blockSize]byte) }}
