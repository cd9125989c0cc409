package harness

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/videosdgx/videosdgx/internal/procfs"
)

// PSS is the proportional set size of instances in bytes, their shims included: a page that n processes map counts 1/n in
// each, so that over all of them shared weights count once. It needs the kernel's smaps_rollup (Linux 4.14) and the right
// to read other users' processes.
func PSS(instances ...string) (int64, error) {
	sum, seen := int64(0), map[int]bool{}
	for _, id := range instances {
		pids := append(processes(id), shims(id)...)
		if len(pids) == 0 {
			return 0, fmt.Errorf("no process of instance %s is to be seen on this machine", id)
		}
		for _, pid := range pids {
			if seen[pid] {
				continue
			}
			seen[pid] = true
			n, err := pss(pid)
			if err != nil {
				return 0, err
			}
			sum += n
		}
	}
	return sum, nil
}

// ProcessPSS is that of one process and its descendants.
func ProcessPSS(pid int) (int64, error) {
	sum := int64(0)
	for _, p := range descendants([]int{pid}, parents()) {
		n, err := pss(p)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// RSS is the resident memory of one process in bytes.
func RSS(pid int) (int64, error) { return Size(pid, "VmRSS") }

// shims are the containerd shims of an instance.
func shims(instance string) (pids []int) {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range lines {
		line, _ := os.ReadFile(file)
		if bytes.Contains(line, []byte("containerd-shim")) && bytes.Contains(line, []byte("\x00"+instance+"\x00")) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			pids = append(pids, pid)
		}
	}
	return pids
}

func pss(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if os.IsNotExist(err) || err != nil && strings.Contains(err.Error(), "no such process") {
		return 0, nil // it has just ended, or is a zombie
	}
	if err != nil {
		return 0, fmt.Errorf("the memory of process %d: %w", pid, err)
	}
	return procfs.Sum(b, "Pss"), nil // 0: a kernel thread, or a process without memory
}
