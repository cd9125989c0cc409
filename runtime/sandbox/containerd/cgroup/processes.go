package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Processes are those in an instance's cgroup.
func Processes(cg string) ([]int, error) {
	text, err := os.ReadFile(filepath.Join(Folder(cg, "pids"), "cgroup.procs"))
	if err != nil {
		return nil, fmt.Errorf("Processes of cgroup %s: %w", cg, err)
	}
	var pids []int
	for _, line := range strings.Fields(string(text)) {
		pid, err := strconv.Atoi(line)
		if err != nil {
			return nil, fmt.Errorf("Processes of cgroup %s: %w", cg, err)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}
