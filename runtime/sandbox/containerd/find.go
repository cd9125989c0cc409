package containerd

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

// tool is one binary on this machine.
type tool struct {
	Path    string
	Version string // "2.4.2"; "" if it does not say
}

var versionPattern = regexp.MustCompile(`\d+\.\d+(\.\d+)?`)

// searchPath is where binaries are looked for, best first: the private prefix, the CRIU prefix, PATH, the usual folders.
func searchPath(prefix string) []string {
	dirs := []string{filepath.Join(prefix, "bin"), filepath.Join(prefix, "sbin"), filepath.Join(envOr("VIDEOSDGX_CRIU", defaultCRIU), "sbin")}
	dirs = append(dirs, filepath.SplitList(os.Getenv("PATH"))...)
	return append(dirs, "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin")
}

// find returns the newest binary of a name on the search path; a name with a slash is taken as it is.
func find(ctx context.Context, prefix, name string) (best tool, ok bool) {
	if strings.Contains(name, "/") {
		return tool{name, versionOf(ctx, name)}, executable(name)
	}
	seen := map[string]bool{}
	for _, dir := range searchPath(prefix) {
		path := filepath.Join(dir, name)
		real, err := filepath.EvalSymlinks(path)
		if err != nil || seen[real] || !executable(path) {
			continue
		}
		seen[real] = true
		if t := (tool{path, versionOf(ctx, path)}); !ok || newer(t.Version, best.Version) {
			best, ok = t, true
		}
	}
	return best, ok
}

func envOr(name, def string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return def
}

func executable(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0
}

// versionOf asks a binary; containerd-shim-runc-v2 wants -v, everything else takes --version.
func versionOf(ctx context.Context, path string) string {
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
	return versionPattern.FindString(string(out))
}

// newer compares dotted numbers.
func newer(a, b string) bool {
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
