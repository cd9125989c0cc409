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
	mem, pagemap *os.File
	maps         []mapping
	finders      []finder
	threads      int
}

// mapping is a private writable range.
type mapping struct{ from, to uint64 }

func open(pid int) (*process, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	text, err := os.ReadFile(dir + "/maps")
	if err != nil {
		return nil, err
	}
	p := &process{maps: writable(string(text)), finders: finders(pid, string(text))}
	if len(p.finders) == 0 {
		return p, nil
	}
	if tasks, err := os.ReadDir(dir + "/task"); err == nil {
		p.threads = len(tasks)
	}
	if p.mem, err = os.OpenFile(dir+"/mem", os.O_RDWR, 0); err != nil {
		return nil, err
	}
	if p.pagemap, err = os.Open(dir + "/pagemap"); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *process) close() {
	for _, f := range []*os.File{p.mem, p.pagemap} {
		if f != nil {
			f.Close()
		}
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

// enough is how much of a process is searched in any case, in bytes. Generators are made early and lie low; beyond this the
// search goes on only while fewer have been found than there are threads, each of which has one.
const enough = 64 << 20

// window is how much is read at a time, in bytes; what is read goes on for a span beyond it.
const window = 256 << 10

func (p *process) renew() (found int, err error) {
	searched := uint64(0)
	buf := make([]byte, window+span)
	for _, m := range p.maps {
		for at := m.from; at < m.to && len(p.finders) > 0; at += window {
			to := min(at+window, m.to)
			if searched > enough && found > p.threads {
				return found, nil
			}
			if !p.present(at, to) {
				continue
			}
			n, err := p.mem.ReadAt(buf[:min(uint64(len(buf)), m.to-at)], int64(at))
			if err != nil && err != io.EOF { //nolint:errorlint // bare
				break // a range that cannot be read, as the kernel's own, holds none
			}
			clear(buf[n:])
			searched += uint64(n)
			k, err := p.window(buf, at, int(to-at))
			if found += k; err != nil {
				return found, err
			}
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

// present says whether any page of a range is in memory or swapped out; most of what Go reserves is neither.
func (p *process) present(from, to uint64) bool {
	size := uint64(os.Getpagesize())
	b := make([]byte, (to-from+size-1)/size*8)
	n, err := p.pagemap.ReadAt(b, int64(from/size*8))
	if err != nil && err != io.EOF { //nolint:errorlint // bare
		return true
	}
	for i := 7; i < n; i += 8 {
		if b[i]&0xC0 != 0 { // bits 63 and 62
			return true
		}
	}
	return false
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
