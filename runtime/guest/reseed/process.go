package reseed

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// finder looks for generators in memory.
type finder interface {
	// next gives the first place from off on, in steps of 8 bytes and below n, where a generator begins; n when there is
	// none. b goes on for at least span bytes beyond n.
	next(b []byte, off, n int) int
	// fresh is what to write at such a place.
	fresh() []byte
}

// span is the longest that a finder looks at, in bytes.
const span = 320

// Places is where the generators of a process lie, and the threads it had when they were looked for. The zero value knows of
// none.
type Places struct {
	// Repeats names a generator that was found and cannot be renewed; "" if there is none. Find alone sets it.
	Repeats string

	at      []uint64
	threads []string
}

// Find looks for all generators of a process, however large it is. The process is stopped meanwhile.
func Find(pid int) (p Places, err error) {
	err = stopped(pid, func(s *process) error {
		p = s.find(math.MaxUint64, 0)
		if s.has(seeded{}) {
			p.Repeats = "Go with a generator that it seeded itself (rand.NewSource)"
		}
		return nil
	})
	return p, err
}

// Process renews the generators of a process and says how many there were. The process is stopped meanwhile. Those that are
// known are renewed where they are; others are looked for when the process has other threads than it had then, since new
// threads bring new generators.
func Process(pid int, known Places) (n int, err error) {
	if err := signalPython(pid); err != nil {
		return 0, err
	}
	err = stopped(pid, func(s *process) error {
		if n, err = s.renew(known.at); err != nil || slices.Equal(known.threads, s.threads) {
			return err
		}
		others := s.find(least(known, s.threads)) // those that are renewed already are found again
		n, err = s.renew(others.at)
		return err
	})
	return n, err
}

// stopped does something with a process that does not run meanwhile.
func stopped(pid int, do func(*process) error) error {
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return err
	}
	defer syscall.Kill(pid, syscall.SIGCONT)
	p, err := open(pid)
	if err != nil {
		return err
	}
	defer p.close()
	return do(p)
}

// Gone says whether an error only means that the process has ended.
func Gone(err error) bool {
	return errors.Is(err, syscall.ESRCH) || errors.Is(err, fs.ErrNotExist)
}

type process struct {
	mem     *os.File
	pages   *pagemap
	maps    []mapping
	finders []finder
	statics []finder // of what lies in static variables
	threads []string // ids, sorted
	isGo    bool
}

// mapping is a private writable range.
type mapping struct {
	from, to uint64
	static   bool // the variables of a program or library
}

func open(pid int) (*process, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	text, err := os.ReadFile(dir + "/maps")
	if err != nil {
		return nil, err
	}
	p := &process{isGo: isGo(pid)}
	p.finders, p.statics = finders(pid, string(text), p.isGo), statics(string(text), p.isGo)
	if len(p.finders)+len(p.statics) == 0 {
		return p, nil // nor anything to look at
	}
	p.maps = writable(string(text))
	tasks, err := os.ReadDir(dir + "/task")
	if err != nil {
		return nil, err
	}
	for _, t := range tasks {
		p.threads = append(p.threads, t.Name())
	}
	if p.mem, err = os.OpenFile(dir+"/mem", os.O_RDWR, 0); err != nil {
		return nil, err
	}
	if p.pages, err = openPagemap(dir + "/pagemap"); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *process) close() {
	if p.mem != nil {
		p.mem.Close()
	}
	if p.pages != nil {
		p.pages.close()
	}
}

// finders are those that make sense for a program, by what it maps.
func finders(pid int, maps string, isGo bool) (list []finder) {
	if isGo {
		list = append(list, chacha8{})
	}
	if hasOpenSSL(maps) {
		list = append(list, openssl{pid: uint32(pid)})
	}
	return list
}

// statics are those that look at static variables alone.
func statics(maps string, isGo bool) []finder {
	if isGo || hasSQLite(maps) {
		return []finder{sqlite{}, oldSQLite{}}
	}
	return nil
}

// in are the finders for a mapping.
func (p *process) in(m mapping) []finder {
	if m.static {
		return append(p.finders[:len(p.finders):len(p.finders)], p.statics...)
	}
	return p.finders
}

// enough is how much of the memory that a process has written is searched in any case after a restore, in bytes:
// generators are made early and lie low.
const enough = 16 << 20

// least says how many bytes to search in any case, and until how many generators are found: those that were known and one
// for each thread that has come since. There are more than threads, as Go keeps one to seed others from and one for a thread
// that C code may bring. Of a process of which nothing is known, all is searched.
func least(known Places, threads []string) (bytes uint64, generators int) {
	if len(known.at) == 0 {
		return math.MaxUint64, 0
	}
	generators = len(known.at)
	for _, t := range threads {
		if !slices.Contains(known.threads, t) {
			generators++
		}
	}
	return enough, generators
}

// window is how much is read at a time, in bytes; what is read goes on for a span beyond it.
const window = 256 << 10

// find looks for generators in at least so many bytes, and beyond them while it has found fewer than so many.
func (p *process) find(least uint64, generators int) Places {
	found, searched := Places{threads: p.threads}, uint64(0)
	buf := make([]byte, window+span)
	for _, m := range p.maps {
		finders := p.in(m)
		if len(finders) == 0 {
			continue
		}
		for r := range p.pages.written(m) {
			if searched > least && len(found.at) >= generators {
				return found
			}
			found.at = append(found.at, p.search(r, m.to, finders, buf)...)
			searched += r.to - r.from
		}
	}
	return found
}

// has tells whether a generator of a Go program's own lies in what it has written.
func (p *process) has(f finder) bool {
	if !p.isGo {
		return false
	}
	buf := make([]byte, window+span)
	for _, m := range p.maps {
		for r := range p.pages.written(m) {
			if len(p.search(r, m.to, []finder{f}, buf)) > 0 {
				return true
			}
		}
	}
	return false
}

// search finds the generators that begin in a range of a mapping that ends at end; buf holds a window and a span.
func (p *process) search(r mapping, end uint64, finders []finder, buf []byte) (found []uint64) {
	for at := r.from; at < r.to; at += window {
		n, err := p.mem.ReadAt(buf[:min(min(window, r.to-at)+span, end-at)], int64(at))
		if err != nil && err != io.EOF { //nolint:errorlint // bare
			return found // a range that cannot be read, as the kernel's own, holds none
		}
		clear(buf[n:])
		limit := int(min(window, r.to-at))
		for _, f := range finders {
			for off := f.next(buf, 0, limit); off < limit; off = f.next(buf, off+8, limit) {
				found = append(found, at+uint64(off))
			}
		}
	}
	return found
}

// renew writes new generators where there still are some, and says how many there were.
func (p *process) renew(places []uint64) (n int, err error) {
	b := make([]byte, span+8)
	for _, at := range places {
		k, err := p.mem.ReadAt(b, int64(at))
		if err != nil && k == 0 {
			continue // it has gone with its memory
		}
		clear(b[k:])
		for _, f := range append(p.finders[:len(p.finders):len(p.finders)], p.statics...) {
			if f.next(b, 0, 8) != 0 {
				continue
			}
			if _, err := p.mem.WriteAt(f.fresh(), int64(at)); err != nil {
				return n, fmt.Errorf("renew a random generator: %w", err)
			}
			n++
		}
	}
	return n, nil
}

// writable lists the private writable ranges of a maps file. Static variables are what is mapped from a file, and what
// follows it without a gap or a name, which began as zeros.
func writable(maps string) (list []mapping) {
	var end uint64 // of the last line, if it may be followed by such
	for line := range strings.Lines(maps) {
		f := strings.Fields(line)
		if len(f) < 5 {
			continue
		}
		from, to, _ := strings.Cut(f[0], "-")
		a, err1 := strconv.ParseUint(from, 16, 63)
		z, err2 := strconv.ParseUint(to, 16, 63)
		file := len(f) > 5 && strings.HasPrefix(f[5], "/")
		static := file || len(f) == 5 && a == end && end != 0
		if end = 0; static {
			end = z
		}
		if err1 == nil && err2 == nil && f[1] == "rw-p" {
			list = append(list, mapping{a, z, static})
		}
	}
	return list
}
