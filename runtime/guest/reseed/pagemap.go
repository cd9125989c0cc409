package reseed

import (
	"encoding/binary"
	"iter"
	"os"
)

// pagemap is /proc/PID/pagemap: 8 bytes for each page of the address space.
type pagemap struct {
	f    *os.File
	page uint64 // size of one, in bytes
	buf  []byte
}

// Bits of an entry, from the kernel's Documentation/admin-guide/mm/pagemap.rst.
const (
	pagePresent = 1 << 63
	pageSwapped = 1 << 62
	pageOfFile  = 1 << 61 // or shared memory: in a private mapping, a page that nobody has written to
)

// atOnce is how many entries are read at a time: they tell of 4 MiB.
const atOnce = 1 << 10

func openPagemap(path string) (*pagemap, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &pagemap{f: f, page: uint64(os.Getpagesize()), buf: make([]byte, 8*atOnce)}, nil
}

func (p *pagemap) close() { p.f.Close() }

// written gives the runs of pages that the process has written to, in memory or swapped out, each of at most atOnce pages.
// Most of what Go reserves is neither, and a generator is never in a page that is still as its file has it. Where the
// kernel does not tell, all counts as written.
func (p *pagemap) written(m mapping) iter.Seq[mapping] {
	return func(yield func(mapping) bool) {
		for from := m.from; from < m.to; from += atOnce * p.page {
			part := mapping{from: from, to: min(from+atOnce*p.page, m.to)}
			b := p.buf[:8*((part.to-part.from+p.page-1)/p.page)]
			if _, err := p.f.ReadAt(b, int64(from/p.page*8)); err != nil {
				if !yield(part) {
					return
				}
				continue
			}
			for r := range p.runs(part, b) {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// runs joins neighbouring written pages of a range, whose entries are given.
func (p *pagemap) runs(m mapping, entries []byte) iter.Seq[mapping] {
	return func(yield func(mapping) bool) {
		run := mapping{from: m.from, to: m.from}
		for at := m.from; at < m.to; at, entries = at+p.page, entries[8:] {
			if isWritten(binary.NativeEndian.Uint64(entries)) {
				run.to = min(at+p.page, m.to)
				continue
			}
			if run.to > run.from && !yield(run) {
				return
			}
			run = mapping{from: at + p.page, to: at + p.page}
		}
		if run.to > run.from {
			yield(run)
		}
	}
}

func isWritten(entry uint64) bool {
	return entry&pageSwapped != 0 || entry&(pagePresent|pageOfFile) == pagePresent
}
