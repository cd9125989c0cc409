// Package atrest makes a process that waits hold less: it lets go of the pages of its program and libraries, most of which
// only its start has read. They stay in the page cache; what is run again is mapped again, sixteen pages at a time.
package atrest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Release lets go of what the process maps of its program and its libraries, and says how much was resident, in bytes. Pages
// that differ from their file, as those with relocated addresses, stay. It is for a process that has started and waits: what
// runs meanwhile is not disturbed, it finds its pages again one fault later. It takes a few milliseconds; Linux alone has
// what it needs.
func Release() (resident int64, err error) { return release("") }

// ReleaseLibraries is Release for a process that something may come for at any moment: it keeps the pages of its own program, which
// that needs and would wait for.
func ReleaseLibraries() (resident int64, err error) {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return 0, fmt.Errorf("which program this is: %w", err)
	}
	return release(program)
}

// release leaves the pages of one file where they are.
func release(but string) (resident int64, err error) {
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return 0, fmt.Errorf("what this process maps: %w", err)
	}
	defer smaps.Close()
	all, err := releasable(smaps)
	if err != nil {
		return 0, fmt.Errorf("what this process maps: %w", err)
	}
	for _, r := range all {
		if r.file == but {
			continue
		}
		if _, _, e := syscall.Syscall(syscall.SYS_MADVISE, r.from, r.to-r.from, syscall.MADV_DONTNEED); e != 0 {
			return resident, fmt.Errorf("letting go of pages of %s: %w", r.file, e)
		}
		resident += r.resident
	}
	return resident, nil
}

// WhenIdle releases the libraries once, after d or, where the process has something to do just then, when it has not: it looks again after
// twice as long, and so on. It has something to do where busy says so, and where it has worked for more than a tenth of the time since the
// last look, as one that still opens what it will need. done hears of the release.
func WhenIdle(d time.Duration, busy func() bool, done func(error)) { whenIdle(d, busy, worked, done) }

func whenIdle(d time.Duration, busy func() bool, worked func() time.Duration, done func(error)) {
	before := worked()
	time.AfterFunc(d, func() {
		if busy() || worked()-before > d/10 {
			whenIdle(2*d, busy, worked, done)
			return
		}
		_, err := ReleaseLibraries()
		done(err)
	})
}

// worked is the processor time that this process has taken, of all its threads; 0 where the kernel does not tell.
func worked() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// region is a line of smaps, with sizes in bytes.
type region struct {
	from, to          uintptr
	mode, file        string
	resident, changed int64
}

// releasable gives the regions that can be read again from a program or library as they are.
func releasable(smaps io.Reader) (list []region, err error) {
	all, err := regions(smaps)
	programs := map[string]bool{}
	for _, r := range all {
		if r.mode == "r-xp" && strings.HasPrefix(r.file, "/") {
			programs[r.file] = true
		}
	}
	for _, r := range all {
		if programs[r.file] && !strings.Contains(r.mode, "w") && r.changed == 0 && r.resident > 0 {
			list = append(list, r)
		}
	}
	return list, err
}

func regions(smaps io.Reader) (all []region, err error) {
	s := bufio.NewScanner(smaps)
	for s.Scan() {
		key, value, _ := strings.Cut(s.Text(), ":")
		if r, ok := begins(s.Text()); ok {
			all = append(all, r)
			continue
		}
		if len(all) == 0 {
			continue
		}
		kb, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(value, "kB")), 10, 64)
		switch r := &all[len(all)-1]; key {
		case "Rss":
			r.resident = kb << 10
		case "Anonymous", "Swap":
			r.changed += kb << 10
		}
	}
	return all, s.Err()
}

// begins reads the line that a region begins with: "5566d0-5566f0 r-xp 0001000 08:01 42 /usr/bin/x".
func begins(line string) (r region, ok bool) {
	f := strings.Fields(line)
	if len(f) < 5 {
		return r, false
	}
	from, to, ok := strings.Cut(f[0], "-")
	a, err1 := strconv.ParseUint(from, 16, 64)
	z, err2 := strconv.ParseUint(to, 16, 64)
	if len(f) > 5 {
		r.file = strings.Join(f[5:], " ")
	}
	r.from, r.to, r.mode = uintptr(a), uintptr(z), f[1]
	return r, ok && err1 == nil && err2 == nil
}
