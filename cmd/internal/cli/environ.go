package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/videosdgx/videosdgx/cmd/internal/daemon"
	"github.com/videosdgx/videosdgx/runtime/near"
)

// inner are the variables that no person sets on this machine: the runtime gives them to functions, and builds, tests and benches read
// them (some known by their beginnings).
var (
	inner = []string{
		"DEVICE", "GPU", "MODEL", "MODEL_VERIFIED", "EXTENSIONS", "INSTANCE", "PHASES", "SCRATCH", "NODE", "WEBHOOK_SECRET", "RUNTIME", "BIN",
		"WHEELS", "AWS", "SNAPSHOT_MB", "OUTPUTS", "ORT_HEADERS", "CUDA_TOOLKIT", "CHROMIUM",
	}
	beginnings = []string{"TEST_", "BENCH_"}
)

// unknownVariables names the VIDEOSDGX_ variables of an environment that nothing reads: a misspelt one would be silently
// without effect.
func unknownVariables(environ []string) []string {
	known := daemon.EnvNames()
	for _, name := range inner {
		known = append(known, daemon.EnvPrefix+name)
	}
	for _, v := range variables {
		known = append(known, v.Name)
	}
	var unknown []string
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		rest, ours := strings.CutPrefix(name, daemon.EnvPrefix)
		if !ours || slices.Contains(known, name) || slices.ContainsFunc(beginnings, func(f string) bool { return strings.HasPrefix(rest, f) }) {
			continue
		}
		unknown = append(unknown, warning(name, known))
	}
	return unknown
}

func warning(name string, known []string) string {
	text := name + " is no variable that videosdgx knows and has no effect"
	rests := make([]string, len(known))
	for i, k := range known {
		rests[i] = strings.TrimPrefix(k, daemon.EnvPrefix)
	}
	if like := near.Names(strings.TrimPrefix(name, daemon.EnvPrefix), rests); len(like) > 0 {
		return fmt.Sprintf("%s; did you mean %s%s?", text, daemon.EnvPrefix, like[0])
	}
	return text
}
