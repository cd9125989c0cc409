package process

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// stat is what /proc/PID/stat says of a process.
type stat struct {
	state   string
	session int
	cpu     time.Duration
	started uint64 // clock ticks since boot
}

const ticksPerSecond = 100 // USER_HZ, which is 100 on every architecture of interest

// readStat reads the fields after the name, which is in parentheses and may hold anything; see proc_pid_stat(5).
func readStat(pid int) (stat, bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return stat{}, false
	}
	return parseStat(b)
}

func parseStat(b []byte) (stat, bool) {
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) < 20 {
		return stat{}, false
	}
	num := func(i int) uint64 { v, _ := strconv.ParseUint(f[i], 10, 64); return v }
	return stat{
		state: f[0], session: int(num(3)), started: num(19),
		cpu: time.Duration(num(11)+num(12)) * time.Second / ticksPerSecond,
	}, true
}

// markName is a variable that every process of an instance has in its environment.
const markName = "VIDEOSDGX_INSTANCE"

// members lists the living processes of an instance: those of init's session and those that carry its mark.
func members(session int, id string) (pids []int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	mark := []byte(markName + "=" + id + "\x00")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		st, ok := readStat(pid)
		if !ok || st.state == "Z" || st.state == "X" {
			continue
		}
		if session > 0 && st.session == session || marked(pid, mark) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func marked(pid int, mark []byte) bool {
	env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	return err == nil && bytes.Contains(append([]byte{0}, env...), append([]byte{0}, mark...))
}

// sweep kills what is left of an instance and returns when nothing is.
func sweep(session int, id string) {
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		left := members(session, id)
		if len(left) == 0 {
			return
		}
		for _, pid := range left {
			unix.Kill(pid, unix.SIGKILL)
		}
		time.Sleep(wait)
	}
}

// usage adds up what processes hold.
func usage(pids []int) (u instance.Usage) {
	for _, pid := range pids {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
		if err != nil {
			continue // gone in the meantime
		}
		u.PIDs++
		u.RSS += field(b, "VmRSS:")
		u.Anon += field(b, "RssAnon:")
		u.File += field(b, "RssFile:") + field(b, "RssShmem:")
		st, _ := readStat(pid)
		u.CPU += st.cpu
	}
	return u
}

// field reads a line "Name:  123 kB".
func field(status []byte, name string) spec.Bytes {
	_, rest, ok := bytes.Cut(status, []byte("\n"+name))
	if !ok {
		return 0
	}
	rest, _, _ = bytes.Cut(rest, []byte("kB"))
	n, _ := strconv.ParseInt(string(bytes.TrimSpace(rest)), 10, 64)
	return spec.Bytes(n << 10)
}

func bootID() string {
	b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b))
}
