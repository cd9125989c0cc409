// Package procfs reads the text of files of proc(5), wherever it was read from.
package procfs

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"
)

// Field is what a line "NAME:  VALUE" of a status or of meminfo says, without the space around it; false: there is no such line.
func Field(text []byte, name string) ([]byte, bool) {
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, []byte("\n"))
		if len(line) > len(name) && line[len(name)] == ':' && string(line[:len(name)]) == name {
			return bytes.TrimSpace(line[len(name)+1:]), true
		}
		text = rest
	}
	return nil, false
}

// Bytes is a line "NAME:  12 kB", in bytes; false: there is no such line, or it says no such thing. It allocates nothing to speak of:
// an instance's init looks beside every call.
func Bytes(text []byte, name string) (int64, bool) {
	value, _ := Field(text, name)
	number, unit := bytes.CutSuffix(value, []byte(" kB"))
	if !unit {
		return 0, false
	}
	n, err := strconv.ParseUint(string(bytes.TrimSpace(number)), 10, 53) // in bytes it fits 63
	if err != nil {
		return 0, false
	}
	return int64(n) << 10, true
}

// Sum adds up lines of Bytes; one that is not there counts as 0.
func Sum(text []byte, names ...string) (n int64) {
	for _, name := range names {
		one, _ := Bytes(text, name)
		n += one
	}
	return n
}

// Stat is what /proc/PID/stat says of a process or of a thread.
type Stat struct {
	Name            string // of the program, as the kernel cuts it off
	State           string // "R", "S", "Z"…
	Parent, Session int
	CPU             time.Duration
	Started         uint64 // clock ticks since boot
}

// ticksPerSecond is USER_HZ, which is 100 on every architecture of interest.
const ticksPerSecond = 100

// Gone says whether nothing but its entry is left of a process.
func (s Stat) Gone() bool { return s.State == "Z" || s.State == "X" }

// ReadStat is the Stat of a process; false: there is none.
func ReadStat(pid int) (Stat, bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return Stat{}, false
	}
	return ParseStat(text)
}

// ParseStat reads the text of such a file. The name in parentheses may hold anything, parentheses too, so that the fields start after the
// last of them; see proc_pid_stat(5).
func ParseStat(text []byte) (s Stat, ok bool) {
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return Stat{}, false
	}
	f := strings.Fields(string(text[end+1:]))
	if len(f) < 20 {
		return Stat{}, false
	}
	var n [20]int64
	for _, i := range []int{1, 3, 11, 12, 19} {
		var err error
		if n[i], err = strconv.ParseInt(f[i], 10, 64); err != nil || n[i] < 0 && i > 3 { // of a process that is just going the session is -1
			return Stat{}, false
		}
	}
	return Stat{
		Name: string(text[open+1 : end]), State: f[0], Parent: int(n[1]), Session: int(n[3]), Started: uint64(n[19]),
		CPU: time.Duration(n[11]+n[12]) * (time.Second / ticksPerSecond),
	}, true
}
