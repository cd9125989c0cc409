package guest

import (
	"bytes"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"github.com/videosdgx/videosdgx/internal/procfs"
)

// mostProcesses is how many of an instance's processes are looked at.
const mostProcesses = 256

// A look at the memory serves again until the function has had events for as long as fresh, or is as old as stale. A look takes
// some 50 µs, a short call not much more; and processes cannot grow by much in less.
const (
	fresh = 10 * time.Millisecond
	stale = time.Second
)

// peak is the most memory that the function's processes have used, in bytes, 0 where it cannot be told; ran is how long they
// have had an event that was not yet counted here. Pages of files are not counted: they are shared with other instances, and
// are dropped where memory is short.
func (g *guest) peak(ran time.Duration) int64 {
	now, worked := int64(time.Since(g.began)), g.worked.Add(int64(ran))
	if g.child == nil || worked < int64(fresh) && now-g.looked.Load() < int64(stale) && g.most.Load() > 0 {
		return g.most.Load()
	}
	g.looked.Store(now)
	g.worked.Store(0)
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
	var room [4 << 10]byte
	for i := 0; i < len(all) && len(all) < mostProcesses; i++ {
		p := strconv.Itoa(all[i])
		b, err := readProc("/proc/"+p+"/task/"+p+"/children", room[:])
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
	var room [4 << 10]byte
	b, err := readProc("/proc/"+strconv.Itoa(pid)+"/status", room[:])
	if err != nil {
		return 0
	}
	return max(procfs.Sum(b, "VmHWM")-procfs.Sum(b, "RssFile"), procfs.Sum(b, "RssAnon", "RssShmem"))
}

// readProc reads a file of proc(5) into room, and no more than that holds. These files are made as they are read, which does not
// block: as in sockio, Go's monitor thread is not woken for it.
func readProc(path string, room []byte) ([]byte, error) {
	name, err := syscall.BytePtrFromString(path)
	if err != nil {
		return nil, err
	}
	const here = ^uintptr(99) // AT_FDCWD
	fd, _, errno := syscall.RawSyscall6(syscall.SYS_OPENAT, here, uintptr(unsafe.Pointer(name)), syscall.O_RDONLY|syscall.O_CLOEXEC, 0, 0, 0)
	if errno != 0 {
		return nil, errno
	}
	n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(room))), uintptr(len(room)))
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOSE, fd, 0, 0) // of a file that was only read: cannot fail
	if errno != 0 {
		return nil, errno
	}
	return room[:n], nil
}
