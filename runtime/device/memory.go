package device

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Memory is the system's.
type Memory struct {
	Total     spec.Bytes `json:"total"`     // MemTotal, or the limit of a control group around this process if that is less
	Available spec.Bytes `json:"available"` // MemAvailable, or what that limit leaves
}

// readMemory reads the machine below root ("/" but in tests).
func readMemory(root string) (Memory, error) {
	f, err := os.Open(filepath.Join(root, "proc/meminfo"))
	if err != nil {
		return Memory{}, err
	}
	defer f.Close()
	m, err := parseMeminfo(f)
	if err != nil {
		return m, err
	}
	if limit, used, ok := groupLimit(root); ok && limit < m.Total {
		m.Total, m.Available = limit, min(m.Available, max(limit-used, 0))
	}
	return m, nil
}

// parseMeminfo reads lines such as "MemAvailable:   16326516 kB".
func parseMeminfo(r io.Reader) (m Memory, err error) {
	for s := bufio.NewScanner(r); s.Scan(); {
		name, rest, _ := strings.Cut(s.Text(), ":")
		fields := strings.Fields(rest)
		if len(fields) == 0 || (name != "MemTotal" && name != "MemAvailable") {
			continue
		}
		kib, err := strconv.ParseInt(fields[0], 10, 53)
		if err != nil || kib < 0 {
			return m, fmt.Errorf("meminfo: %s is %q", name, rest)
		}
		if name == "MemTotal" {
			m.Total = spec.Bytes(kib << 10)
		} else {
			m.Available = spec.Bytes(kib << 10)
		}
	}
	if m.Total == 0 || m.Available == 0 {
		return m, errors.New("meminfo names no MemTotal or MemAvailable")
	}
	return m, nil
}
