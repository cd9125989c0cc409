// Package tool finds this machine's binaries: the newest of a name, with its version.
package tool

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// DefaultPrefix is where `make setup` puts binaries that are newer than the distribution's; VIDEOSDGX_PREFIX overrides it.
const DefaultPrefix = "/opt/videosdgx"

// defaultCRIU is where `make setup` puts a CRIU with libraries of its own; VIDEOSDGX_CRIU overrides it.
const defaultCRIU = "/opt/criu"

// Tool is one binary on this machine.
type Tool struct {
	Path    string
	Version string // "2.4.2"; "" if it does not say
}

var Version = regexp.MustCompile(`\d+\.\d+(\.\d+)?`)

// SearchPath is where binaries are looked for, best first: the private prefix, the CRIU prefix, PATH, the usual folders.
func SearchPath(prefix string) []string {
	dirs := []string{filepath.Join(prefix, "bin"), filepath.Join(prefix, "sbin"), filepath.Join(EnvOr("VIDEOSDGX_CRIU", defaultCRIU), "sbin")}
	dirs = append(dirs, filepath.SplitList(os.Getenv("PATH"))...)
	return append(dirs, "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin")
}

// Find returns the newest binary of a name on the search path; a name with a slash is taken as it is.
func Find(ctx context.Context, prefix, name string) (best Tool, ok bool) {
	if strings.Contains(name, "/") {
		return Tool{name, VersionOf(ctx, name)}, Executable(name)
	}
	seen := map[string]bool{}
	for _, dir := range SearchPath(prefix) {
		path := filepath.Join(dir, name)
		real, err := filepath.EvalSymlinks(path)
		if err != nil || seen[real] || !Executable(path) {
			continue
		}
		seen[real] = true
		if t := (Tool{path, VersionOf(ctx, path)}); !ok || Newer(t.Version, best.Version) {
			best, ok = t, true
		}
	}
	return best, ok
}

func EnvOr(name, def string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return def
}

func Executable(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0
}

// VersionOf asks a binary; containerd-shim-runc-v2 wants -v, everything else takes --version.
func VersionOf(ctx context.Context, path string) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	flag := "--version"
	if strings.HasPrefix(filepath.Base(path), "containerd-shim") {
		flag = "-v"
	}
	out, err := exec.CommandContext(ctx, path, flag).CombinedOutput()
	if err != nil {
		return ""
	}
	return Version.FindString(string(out))
}

// Newer compares dotted numbers.
func Newer(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := 0; i < len(as) || i < len(bs); i++ {
		if x, y := part(as, i), part(bs, i); x != y {
			return x > y
		}
	}
	return false
}

func part(s []string, i int) int {
	if i >= len(s) {
		return 0
	}
	n, _ := strconv.Atoi(s[i])
	return n
}
