package harness

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/videosdgx/videosdgx/internal/procfs"
)

// Memory is what a group of processes holds, in bytes, added up over them.
type Memory struct {
	Processes  int
	Anon, File int64 // RssAnon, RssFile; file pages that two of them share count twice
	Peak       int64 // VmHWM
}

// MemoryOf adds up the processes of one instance on this machine: those whose control group or command line names it,
// and their descendants.
func MemoryOf(instance string) (Memory, error) {
	m := sum(processes(instance))
	if m.Processes == 0 {
		return m, fmt.Errorf("no process of instance %s is to be seen on this machine", instance)
	}
	return m, nil
}

func sum(pids []int) (m Memory) {
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue // it has just ended
		}
		m.Processes++
		m.Anon += procfs.Sum(text, "RssAnon")
		m.File += procfs.Sum(text, "RssFile")
		m.Peak += procfs.Sum(text, "VmHWM")
	}
	return m
}

// WatchPeak looks every 20 ms at the resident memory of an instance, until the function it gives is called, which
// returns the most that was seen at one time. Which processes an instance has is looked up once a second, since that
// reads all of /proc and would cost the machine more than what is measured.
func WatchPeak(instance string) (peak func() int64) {
	stop, most := make(chan struct{}), make(chan int64)
	go func() {
		var max int64
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		pids := processes(instance)
		for looks := 1; ; looks++ {
			if looks%50 == 0 {
				pids = processes(instance)
			}
			if m := sum(pids); m.Anon+m.File > max {
				max = m.Anon + m.File
			}
			select {
			case <-tick.C:
			case <-stop:
				most <- max
				return
			}
		}
	}()
	return func() int64 { close(stop); return <-most }
}

// processes finds them by two looks at /proc: who is named, and whose ancestor is.
func processes(instance string) []int {
	var found []int
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		group, _ := os.ReadFile(dir + "/cgroup")
		line, _ := os.ReadFile(dir + "/cmdline")
		if bytes.Contains(group, []byte(instance)) || bytes.Contains(line, []byte(instance+"\x00")) && bytes.Contains(line, []byte("videosdgx-init")) {
			found = append(found, pid)
		}
	}
	return descendants(found, parents())
}

// parents of all processes, by pid.
func parents() map[int]int {
	parent := map[int]int{}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if st, ok := procfs.ReadStat(pid); ok {
			parent[pid] = st.Parent
		}
	}
	return parent
}

// descendants adds to found everybody whose ancestor is in it.
func descendants(found []int, parent map[int]int) []int {
	for grown := true; grown; {
		grown = false
		for pid, p := range parent {
			if slices.Contains(found, p) && !slices.Contains(found, pid) {
				found, grown = append(found, pid), true
			}
		}
	}
	return found
}

// Size is a line of /proc/PID/status, such as VmHWM, in bytes. A process that has ended, or a kernel without the line, is an error.
func Size(pid int, name string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	n, ok := procfs.Bytes(text, name)
	if !ok {
		return 0, fmt.Errorf("the status of process %d has no %s", pid, name)
	}
	return n, nil
}

// ProcStatus is what the kernel says of a process.
func ProcStatus(pid int) (string, error) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	return string(b), err
}
