package containerd

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/containerd/cgroups/v3"
)

// cgroupParent holds all instances of this machine.
const cgroupParent = "/videosdgx"

const cgroupMount = "/sys/fs/cgroup"

// cgroup names an instance's; the owner, of whom there may be several on a machine, is in it so that each finds its own.
func (d *Driver) cgroup(id string) string { return cgroupParent + "/" + d.owner + "." + id }

func unified() bool { return cgroups.Mode() == cgroups.Unified }

// group is the folder of an instance's cgroup in one hierarchy of version 1, or in the only one of version 2.
func group(cg, controller string) string {
	if unified() {
		controller = ""
	}
	return filepath.Join(cgroupMount, controller, cg)
}

// hierarchies are the folders under which an instance's cgroups may lie.
func hierarchies() []string {
	if unified() {
		return []string{cgroupMount}
	}
	found, _ := filepath.Glob(cgroupMount + "/*")
	return found
}

// limitsSwap tells whether the kernel can limit swap.
func limitsSwap() bool {
	if unified() {
		_, err := os.Stat("/proc/swaps")
		return err == nil
	}
	_, err := os.Stat(cgroupMount + "/memory/memory.memsw.limit_in_bytes")
	return err == nil
}

// dropCgroups removes what the runtime left of an instance's cgroups. A missing one is no error.
func dropCgroups(cg string) error {
	for _, h := range hierarchies() {
		dir := filepath.Join(h, cg)
		if err := os.Remove(dir); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("cgroup %s: %w", dir, err)
		}
	}
	return nil
}

// cgroupIDs lists the driver's instances that still have a cgroup somewhere.
func (d *Driver) cgroupIDs() map[string]bool {
	ids := map[string]bool{}
	for _, h := range hierarchies() {
		entries, _ := os.ReadDir(filepath.Join(h, cgroupParent))
		for _, e := range entries {
			if id, ok := strings.CutPrefix(e.Name(), d.owner+"."); ok && e.IsDir() {
				ids[id] = true
			}
		}
	}
	return ids
}

// oomKilled tells whether the kernel has killed for memory in an instance's cgroup.
func oomKilled(cg string) bool {
	file := "memory.oom_control"
	if unified() {
		file = "memory.events"
	}
	return stats(filepath.Join(group(cg, "memory"), file))["oom_kill"] > 0
}

// stats reads a file of "name number" lines; what cannot be read is empty.
func stats(path string) map[string]int64 {
	m := map[string]int64{}
	f, err := os.Open(path)
	if err != nil {
		return m
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil {
			m[name] = n
		}
	}
	return m
}

// number reads a file that holds one; -1 if it cannot be.
func number(path string) int64 {
	b, err := os.ReadFile(path)
	if err != nil {
		return -1
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return -1
	}
	return n
}
