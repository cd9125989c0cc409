package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Conditions are what a figure depends on apart from the code.
type Conditions struct {
	Time     time.Time         `json:"time"`
	Versions map[string]string `json:"versions"` // go, containerd, runc
	Governor string            `json:"governor"` // of the CPUs' clock; "none" where the kernel has none
	Load     float64           `json:"load"`     // average of the last minute, before the bench: above zero, somebody else was busy
	CacheMB  float64           `json:"cacheMb"`  // page cache before the bench
}

func conditions() Conditions {
	c := Conditions{Time: time.Now().UTC().Truncate(time.Second), Versions: map[string]string{"go": runtime.Version()}, Governor: governor()}
	for _, tool := range []string{"containerd", "runc"} {
		if v := version(tool); v != "" {
			c.Versions[tool] = v
		}
	}
	load, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(load), " ")
	c.Load, _ = strconv.ParseFloat(first, 64)
	kb, _ := strconv.ParseFloat(strings.TrimSuffix(field("/proc/meminfo", "Cached"), " kB"), 64)
	c.CacheMB = kb * 1024 / 1e6
	return c
}

// version asks a tool, preferring what make setup installed to what the distribution has; "" when it is not there.
func version(tool string) string {
	for _, path := range []string{filepath.Join("/opt/videosdgx/bin", tool), tool} {
		if out, err := exec.Command(path, "--version").Output(); err == nil {
			line, _, _ := strings.Cut(string(out), "\n")
			return line
		}
	}
	return ""
}

func governor() string {
	b, err := os.ReadFile("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
	if err != nil {
		return "none"
	}
	return strings.TrimSpace(string(b))
}

// commit is the checkout's HEAD, with "+" when tracked files differ from it; "unknown" outside a checkout.
func commit() string {
	head, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	id := strings.TrimSpace(string(head))
	if exec.Command("git", "diff", "--quiet", "HEAD").Run() != nil {
		id += "+"
	}
	return id
}

// machine says what the figures were measured on: CPU, cores, memory, kernel.
func machine() string {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("%s, %d cores, %s, linux %s %s", field("/proc/cpuinfo", "model name"), runtime.NumCPU(),
		field("/proc/meminfo", "MemTotal"), strings.TrimSpace(string(kernel)), runtime.GOARCH)
}

// field reads "key : value" from a /proc file; "unknown" where there is none.
func field(file, key string) string {
	b, _ := os.ReadFile(file)
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == key {
			return strings.Join(strings.Fields(v), " ")
		}
	}
	return "unknown"
}
