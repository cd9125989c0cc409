package reseed

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// mark are the flags with which the scripts open /dev/null, as nobody else does, in a process that keeps random numbers which
// they cannot renew. Threads and sub-interpreters, which cannot listen to signals, can do that too.
const mark = syscall.O_RDONLY | syscall.O_APPEND | syscall.O_SYNC | syscall.O_NONBLOCK

// marked tells whether a process has opened the mark.
func marked(pid int) bool {
	dir := "/proc/" + strconv.Itoa(pid)
	files, _ := filepath.Glob(dir + "/fd/*")
	for _, f := range files {
		if to, _ := os.Readlink(f); to == "/dev/null" && flags(filepath.Join(dir, "fdinfo", filepath.Base(f))) == mark {
			return true
		}
	}
	return false
}

// flags are those that a file was opened with, without the ones that say nothing here; -1 when the kernel does not tell.
func flags(fdinfo string) int64 {
	text, _ := os.ReadFile(fdinfo)
	_, rest, _ := strings.Cut(string(text), "flags:")
	line, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.ParseInt(strings.TrimSpace(line), 8, 64)
	if err != nil {
		return -1
	}
	return n &^ (syscall.O_CLOEXEC | largeFile)
}

// largeFile is what the kernel adds to the flags of every file; its number in package syscall is 0 where it is always meant.
const largeFile = 0o100000 | 0o400000
