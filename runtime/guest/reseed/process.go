package reseed

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
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

// Process renews the generators of a process and says how many there were. The process is stopped meanwhile.
func Process(pid int) (int, error) {
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return 0, err
	}
	defer syscall.Kill(pid, syscall.SIGCONT)
	p, err := open(pid)
	if err != nil {
		return 0, err
	}
	defer p.close()
	return p.renew()
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
	threads int
}

// mapping is a private writable range.
type mapping struct{ from, to uint64 }

func open(pid int) (*process, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	text, err := os.ReadFile(dir + "/maps")
	if err != nil {
		return nil, err
	}
	p := &process{finders: finders(pid, string(text))}
	if len(p.finders) == 0 {
		return p, nil // nor anything to look at
	}
	p.maps = writable(string(text))
	if tasks, err := os.ReadDir(dir + "/task"); err == nil {
		p.threads = len(tasks)
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
func finders(pid int, maps string) (list []finder) {
	if isGo(pid) {
		list = append(list, chacha8{})
	}
	if hasOpenSSL(maps) {
		list = append(list, openssl{pid: uint32(pid)})
	}
	return list
}

// enough is how much of the memory that a process has written is searched in any case, in bytes. Generators are made early
// and lie low; beyond this the search goes on only while fewer have been found than there are threads, each of which has
// one.
const enough = 16 << 20

// window is how much is read at a time, in bytes; what is read goes on for a span beyond it.
const window = 256 << 10

func (p *process) renew() (found int, err error) {
	searched := uint64(0)
	buf := make([]byte, window+span)
	for _, m := range p.maps {
		for r := range p.pages.written(m) {
			if searched > enough && found > p.threads {
				return found, nil
			}
			n, err := p.search(r, m.to, buf)
			if found += n; err != nil {
				return found, err
			}
			searched += r.to - r.from
		}
	}
	return found, nil
}

// search renews the generators that begin in a range of a mapping that ends at end; buf holds a window and a span.
func (p *process) search(r mapping, end uint64, buf []byte) (found int, err error) {
	for at := r.from; at < r.to; at += window {
		n, err := p.mem.ReadAt(buf[:min(min(window, r.to-at)+span, end-at)], int64(at))
		if err != nil && err != io.EOF { //nolint:errorlint // bare
			return found, nil // a range that cannot be read, as the kernel's own, holds none
		}
		clear(buf[n:])
		k, err := p.window(buf, at, int(min(window, r.to-at)))
		if found += k; err != nil {
			return found, err
		}
	}
	return found, nil
}

func (p *process) window(buf []byte, at uint64, n int) (found int, err error) {
	for _, f := range p.finders {
		for off := f.next(buf, 0, n); off < n; off = f.next(buf, off+8, n) {
			if _, err := p.mem.WriteAt(f.fresh(), int64(at)+int64(off)); err != nil {
				return found, fmt.Errorf("renew a random generator: %w", err)
			}
			found++
		}
	}
	return found, nil
}

// writable lists the private writable ranges of a maps file.
func writable(maps string) (list []mapping) {
	for line := range strings.Lines(maps) {
		f := strings.Fields(line)
		if len(f) < 5 || f[1] != "rw-p" {
			continue
		}
		from, to, _ := strings.Cut(f[0], "-")
		a, err1 := strconv.ParseUint(from, 16, 63)
		z, err2 := strconv.ParseUint(to, 16, 63)
		if err1 == nil && err2 == nil {
			list = append(list, mapping{a, z})
		}
	}
	return list
}
