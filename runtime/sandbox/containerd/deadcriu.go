package containerd

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/internal/procfs"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/cgroup"
)

// abandoned is how often in a row, a quarter of a second apart, a restore must look given up before it is ended.
const abandoned = 2

// watchRestore ends a restore whose CRIU has died. runc would wait: for ever while the half-made processes keep its
// connection to CRIU open, else for ten seconds until their cgroup is empty, which only somebody can make it who kills
// them. It returns when ctx ends.
func (d *Driver) watchRestore(ctx context.Context, id string) {
	tick := time.NewTicker(time.Second / 4)
	defer tick.Stop()
	for seen := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		pids, _ := cgroup.Processes(d.cgroup(id))
		if !orphaned(pids, filepath.Join(d.workDir(id), "restore.log")) {
			seen = 0
			continue
		}
		if seen++; seen < abandoned {
			continue
		}
		for _, pid := range pids {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
}

// orphaned tells whether a process is half made and nobody goes on with it: the runtime that it is a child of has no CRIU
// at work, and it still has CRIU's log open, which is closed before CRIU lets go of it.
func orphaned(pids []int, log string) bool {
	for _, pid := range pids {
		of, _ := procfs.ReadStat(pid) // one that has gone has no parent
		if parent, _ := procfs.ReadStat(of.Parent); strings.HasPrefix(parent.Name, "runc") && !runsCRIU(of.Parent) && hasOpen(pid, log) {
			return true
		}
	}
	return false
}

// runsCRIU looks for a live CRIU among a process's children. What it restores is called like it at first, but is in another
// PID namespace.
func runsCRIU(parent int) bool {
	ours, _ := os.Readlink("/proc/self/ns/pid")
	lists, _ := filepath.Glob("/proc/" + strconv.Itoa(parent) + "/task/*/children")
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, child := range strings.Fields(string(text)) {
			c, _ := strconv.Atoi(child)
			s, _ := procfs.ReadStat(c)
			theirs, _ := os.Readlink("/proc/" + child + "/ns/pid")
			if s.Name == "criu" && s.State != "Z" && theirs == ours {
				return true
			}
		}
	}
	return false
}

func hasOpen(pid int, file string) bool {
	open, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/fd/*")
	return slices.ContainsFunc(open, func(fd string) bool {
		target, _ := os.Readlink(fd)
		return target == file
	})
}
