package guest

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// mostProcesses is how many of an instance's processes are looked at.
const mostProcesses = 256

// fresh is how old a look at the memory may be that serves again. A look takes some 50 µs, a short call not much more; and
// processes cannot grow by much in less.
const fresh = 10 * time.Millisecond

// peak is the most memory that the function's processes have used, in bytes, 0 where it cannot be told. Pages of files are
// not counted: they are shared with other instances, and are dropped where memory is short.
func (g *guest) peak() int64 {
	now := int64(time.Since(g.began))
	if g.child == nil || now-g.looked.Load() < int64(fresh) && g.most.Load() > 0 {
		return g.most.Load()
	}
	g.looked.Store(now)
	var sum int64
	for _, pid := range descendants(g.child.pid) {
		sum += used(pid)
	}
	for {
		before := g.most.Load()
		if sum <= before {
			return before
		}
		if g.most.CompareAndSwap(before, sum) {
			return sum
		}
	}
}

// descendants are a process and what came of it.
func descendants(pid int) []int {
	all := []int{pid}
	for i := 0; i < len(all) && len(all) < mostProcesses; i++ {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", all[i]))
		if err != nil {
			continue // it has ended
		}
		for _, f := range bytes.Fields(b) {
			if n, err := strconv.Atoi(string(f)); err == nil {
				all = append(all, n)
			}
		}
	}
	return all
}

// used is the most that a process has had in memory but for files, as proc_pid_status(5) tells it. The kernel keeps the
// peak of all pages only, so that the files' part of now is taken off.
func used(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	anon, shared := kilobytes(b, "\nRssAnon:"), kilobytes(b, "\nRssShmem:")
	return max(kilobytes(b, "\nVmHWM:")-kilobytes(b, "\nRssFile:"), anon+shared) << 10
}

func kilobytes(status []byte, field string) int64 {
	_, rest, ok := bytes.Cut(status, []byte(field))
	if !ok {
		return 0
	}
	line, _, _ := bytes.Cut(rest, []byte(" kB"))
	n, _ := strconv.ParseInt(string(bytes.TrimSpace(line)), 10, 64) // 0 for what is no number
	return n
}
