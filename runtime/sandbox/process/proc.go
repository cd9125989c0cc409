package process

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/internal/procfs"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

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
		st, ok := procfs.ReadStat(pid)
		if !ok || st.Gone() {
			continue
		}
		if session > 0 && st.Session == session || marked(pid, mark) {
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
		u.RSS += spec.Bytes(procfs.Sum(b, "VmRSS"))
		u.Anon += spec.Bytes(procfs.Sum(b, "RssAnon"))
		u.File += spec.Bytes(procfs.Sum(b, "RssFile", "RssShmem"))
		st, _ := procfs.ReadStat(pid)
		u.CPU += st.CPU
	}
	return u
}

func bootID() string {
	b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b))
}
