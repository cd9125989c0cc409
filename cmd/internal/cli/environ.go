package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/videosdgx/videosdgx/cmd/internal/daemon"
	"github.com/videosdgx/videosdgx/runtime/near"
)

// elsewhere are the variables that are no setting of serve: the client's, those that name libraries and tools, those of
// instances, and those of the tests and benches (by their beginnings).
var (
	elsewhere = []string{
		"SERVER", "KEY", "KEY_FILE", "API_KEY", "ORT_LIB", "GPU_LIB", "CUDA_KERNELS", "KERNELS_LIB", "KERNELS_ISA", "FFMPEG", "CRIU", "PREFIX", "CACHE", "THREADS", "DEVICE", "GPU",
		"MODEL", "MODEL_VERIFIED", "MODELS", "EXTENSIONS", "INSTANCE", "PHASES", "SCRATCH", "NODE", "WEBHOOK_SECRET", "RUNTIME", "BIN", "WHEELS",
		"AWS", "SNAPSHOT_MB", "OUTPUTS", "ORT_HEADERS", "CUDA_KERNELS", "CUDA_TOOLKIT",
	}
	beginnings = []string{"TEST_", "BENCH_", "TRT_"}
)

// unknownVariables names the VIDEOSDGX_ variables of an environment that nothing reads: a misspelt one would be silently
// without effect.
func unknownVariables(environ []string) []string {
	known := daemon.EnvNames()
	for _, name := range elsewhere {
		known = append(known, daemon.EnvPrefix+name)
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
