package containerd

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// deadFor is how long a CRIU must have been dead until its restore is given up; the runtime takes a moment to collect one
// that has done its work.
const deadFor = time.Second

// watchRestore gives up a restore whose CRIU has died: runc would wait for ever, since the half-made processes keep its
// connection to CRIU open. It returns when ctx ends.
func (d *Driver) watchRestore(ctx context.Context, id string) {
	tick := time.NewTicker(deadFor / 4)
	defer tick.Stop()
	dead := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		pids, _ := processes(d.cgroup(id))
		if !diedOn(pids) {
			dead = 0
			continue
		}
		if dead++; dead < 4 {
			continue
		}
		for _, pid := range pids {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
}

// diedOn tells whether a runtime that has made one of the processes has a dead CRIU among its children.
func diedOn(pids []int) bool {
	for _, pid := range pids {
		_, _, parent := statOf(pid)
		if name, _, _ := statOf(parent); !strings.HasPrefix(name, "runc") {
			continue
		}
		lists, _ := filepath.Glob("/proc/" + strconv.Itoa(parent) + "/task/*/children")
		for _, list := range lists {
			text, _ := os.ReadFile(list)
			for _, child := range strings.Fields(string(text)) {
				c, _ := strconv.Atoi(child)
				if name, state, _ := statOf(c); name == "criu" && state == "Z" {
					return true
				}
			}
		}
	}
	return false
}

// statOf reads name, state and parent of a process from /proc/PID/stat; one that has gone has none.
func statOf(pid int) (name, state string, parent int) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", "", 0
	}
	head, rest, _ := strings.Cut(string(text), ") ")
	_, name, _ = strings.Cut(head, " (")
	f := strings.Fields(rest)
	if len(f) < 2 {
		return name, "", 0
	}
	parent, _ = strconv.Atoi(f[1])
	return name, f[0], parent
}
