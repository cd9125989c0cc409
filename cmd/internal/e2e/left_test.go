package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stateOf is where the containerd driver keeps sockets and namespaces of a data folder.
func stateOf(data string) string {
	sum := sha256.Sum256([]byte(filepath.Join(data, "containerd")))
	return "/run/videosdgx/" + hex.EncodeToString(sum[:6])
}

// nothingLeft fails when a stopped server has left a process, a mount or a namespace behind. What has just been killed may
// need a moment to be gone.
func nothingLeft(t *testing.T, data string) {
	t.Helper()
	var left []string
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if left = append(processesOf(data), mountsOf(data)...); len(left) == 0 {
			return
		}
	}
	t.Errorf("left behind:\n%s", strings.Join(left, "\n"))
}

// processesOf lists the processes that name a data folder: in their command line, their environment, or among their mounts.
func processesOf(data string) []string {
	var found []string
	for _, pid := range pidsOf(data) {
		line, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
		found = append(found, "process "+strconv.Itoa(pid)+": "+string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
	}
	return found
}

func pidsOf(data string) []int {
	var pids []int
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && pid > 1 && pid != os.Getpid() && belongs(filepath.Join("/proc", e.Name()), data) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// belongs tells whether a process of /proc names the data folder, or is in a container that has some of it mounted. A mount
// that has only spread into another namespace lies at a place that has the folder's name, and makes nobody belong to it.
func belongs(proc, data string) bool {
	for _, f := range []string{"cmdline", "environ"} {
		if b, _ := os.ReadFile(filepath.Join(proc, f)); names(b, data) {
			return true
		}
	}
	b, _ := os.ReadFile(filepath.Join(proc, "mountinfo"))
	for line := range strings.Lines(string(b)) {
		// proc(5): the fourth field is the mount's root in its file system, the fifth where it lies
		if f := strings.Fields(line); len(f) > 4 && names([]byte(f[3]), data) && !names([]byte(f[4]), data) {
			return true
		}
	}
	return false
}

func mountsOf(data string) []string {
	b, _ := os.ReadFile("/proc/self/mountinfo")
	var found []string
	for line := range strings.Lines(string(b)) {
		if names([]byte(line), data) {
			found = append(found, "mount: "+strings.TrimSpace(line))
		}
	}
	return found
}

// names tells whether a text names the data folder, or the state that goes with it.
func names(b []byte, data string) bool {
	return bytes.Contains(b, []byte(filepath.Base(data))) || bytes.Contains(b, []byte(filepath.Base(stateOf(data))))
}

// clearAway takes down whatever a failed test has left, so that it harms no other.
func clearAway(t *testing.T, data string) {
	for _, pid := range pidsOf(data) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	for _, dir := range []string{data, stateOf(data)} {
		for _, m := range mountPoints(dir) {
			_ = syscall.Unmount(m, syscall.MNT_DETACH)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("cannot be removed: %v", err)
		}
	}
}

// mountPoints lists those below dir, the deepest first.
func mountPoints(dir string) []string {
	b, _ := os.ReadFile("/proc/self/mountinfo")
	var points []string
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 4 && strings.HasPrefix(f[4], dir) {
			points = append([]string{f[4]}, points...)
		}
	}
	return points
}
