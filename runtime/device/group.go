package device

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// groupVersion says which kind of control groups is mounted.
func groupVersion(root string) string {
	mount := filepath.Join(root, "sys/fs/cgroup")
	if _, err := os.Stat(filepath.Join(mount, "cgroup.controllers")); err == nil {
		return "v2"
	}
	if _, err := os.Stat(filepath.Join(mount, "memory")); err == nil {
		return "v1"
	}
	return "none"
}

// hierarchy is where one version of control groups keeps memory's files, and what they are called.
type hierarchy struct {
	mount, limit, usage string
	cache               []string // fields of memory.stat: file pages, which are given back when there is need
}

var (
	second = hierarchy{"sys/fs/cgroup", "memory.max", "memory.current", []string{"inactive_file", "active_file"}}
	first  = hierarchy{
		"sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", []string{"total_inactive_file", "total_active_file"},
	}
)

// groupLimit finds the least limit on memory of the control groups around this process, and what is used of it. Where
// both versions are mounted, memory belongs to one of them.
func groupLimit(root string) (limit, used spec.Bytes, ok bool) {
	text, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return 0, 0, false
	}
	for line := range strings.Lines(string(text)) { // hierarchy:controllers:path
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) < 3 {
			continue
		}
		h := second
		if strings.Contains(","+f[1]+",", ",memory,") {
			h = first
		} else if f[1] != "" {
			continue
		}
		if n, u, found := h.least(root, f[2]); found && (!ok || n < limit) {
			limit, used, ok = n, u, true
		}
	}
	return limit, used, ok
}

// least looks at a group and those around it.
func (h hierarchy) least(root, group string) (limit, used spec.Bytes, ok bool) {
	for dir := group; ; dir = filepath.Dir(dir) {
		at := filepath.Join(root, h.mount, dir)
		n, err := number(filepath.Join(at, h.limit))
		if err == nil && (!ok || n < limit) {
			if u, err := number(filepath.Join(at, h.usage)); err == nil {
				limit, used, ok = n, max(u-h.cached(at), 0), true
			}
		}
		if dir == "/" || dir == "." {
			return limit, used, ok
		}
	}
}

// cached is how much of a group's usage the page cache is: the system's MemAvailable does not count it as used either.
func (h hierarchy) cached(group string) (sum spec.Bytes) {
	text, _ := os.ReadFile(filepath.Join(group, "memory.stat"))
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		for _, c := range h.cache {
			if name != c {
				continue
			}
			n, _ := strconv.ParseInt(value, 10, 64)
			sum += spec.Bytes(n)
		}
	}
	return sum
}

// number reads a file that holds one number; "max" is an error.
func number(path string) (spec.Bytes, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return spec.Bytes(n), err
}
