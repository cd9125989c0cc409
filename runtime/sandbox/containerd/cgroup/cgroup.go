// Package cgroup reads and writes instances' control groups directly, in version 1 and version 2. A group is named by its path
// below every hierarchy, such as "/videosdgx/OWNER.ID".
package cgroup

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/containerd/cgroups/v3"
)

// Parent holds all instances of this machine.
const Parent = "/videosdgx"

const mountedAt = "/sys/fs/cgroup"

// Unified tells version 2 from version 1, and from both at once.
func Unified() bool { return cgroups.Mode() == cgroups.Unified }

// Folder is the folder of an instance's cgroup in one hierarchy of version 1, or in the only one of version 2.
func Folder(cg, controller string) string {
	if Unified() {
		controller = ""
	}
	return filepath.Join(mountedAt, controller, cg)
}

// Hierarchies are the folders under which an instance's cgroups may lie.
func Hierarchies() []string {
	if Unified() {
		return []string{mountedAt}
	}
	found, _ := filepath.Glob(mountedAt + "/*")
	return found
}

// LimitsSwap tells whether the kernel can limit swap.
func LimitsSwap() bool {
	if Unified() {
		_, err := os.Stat("/proc/swaps")
		return err == nil
	}
	_, err := os.Stat(mountedAt + "/memory/memory.memsw.limit_in_bytes")
	return err == nil
}

// Drop removes what the runtime left of an instance's cgroups. A missing one is no error.
func Drop(cg string) error {
	for _, h := range Hierarchies() {
		dir := filepath.Join(h, cg)
		if err := os.Remove(dir); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("cgroup %s: %w", dir, err)
		}
	}
	return nil
}

// OOMKilled tells whether the kernel has killed for memory in an instance's cgroup.
func OOMKilled(cg string) bool {
	file := "memory.oom_control"
	if Unified() {
		file = "memory.events"
	}
	return Stats(filepath.Join(Folder(cg, "memory"), file))["oom_kill"] > 0
}

// Stats reads a file of "name number" lines; what cannot be read is empty.
func Stats(path string) map[string]int64 {
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

// Names lists the groups that Parent holds in some hierarchy.
func Names() map[string]bool {
	found := map[string]bool{}
	for _, h := range Hierarchies() {
		entries, _ := os.ReadDir(filepath.Join(h, Parent))
		for _, e := range entries {
			if e.IsDir() {
				found[e.Name()] = true
			}
		}
	}
	return found
}
