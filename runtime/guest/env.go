package guest

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
)

// environment is what the function gets: init's own variables (image and driver), the manifest's, defaults where neither
// says anything, and what Lambda reserves, which nobody overrides.
func environment(cfg wire.Config, own []string, api string, now time.Time) []string {
	env := map[string]string{}
	for _, kv := range own {
		if k, v, ok := strings.Cut(kv, "="); ok {
			env[k] = v
		}
	}
	maps.Copy(env, cfg.Env)
	for k, v := range defaults() {
		if env[k] == "" {
			env[k] = v
		}
	}
	// CRIU refuses MPTCP sockets, which Go listens with since 1.24.
	env["GODEBUG"] = join(env["GODEBUG"], "multipathtcp=0")
	maps.Copy(env, reserved(cfg, api, now))
	list := make([]string, 0, len(env))
	for _, k := range slices.Sorted(maps.Keys(env)) {
		list = append(list, k+"="+env[k])
	}
	return list
}

// region is the one that functions' ARNs name.
const region = "us-east-1"

func defaults() map[string]string {
	return map[string]string{
		"PATH":               "/usr/local/bin:/usr/bin:/bin:/opt/bin",
		"LANG":               "en_US.UTF-8",
		"TZ":                 ":UTC",
		"LAMBDA_TASK_ROOT":   firstDir("/var/task"),
		"LAMBDA_RUNTIME_DIR": "/var/runtime",
	}
}

// firstDir is dir where it exists, as in AWS's images, else where the command starts.
func firstDir(dir string) string {
	if st, err := os.Stat(dir); err == nil && st.IsDir() {
		return dir
	}
	wd, err := os.Getwd()
	if err != nil {
		return dir
	}
	return wd
}

// reserved are the variables that Lambda documents as set by itself, and ours.
func reserved(cfg wire.Config, api string, now time.Time) map[string]string {
	r := map[string]string{
		"AWS_LAMBDA_RUNTIME_API":          api,
		"AWS_LAMBDA_FUNCTION_NAME":        cfg.Function,
		"AWS_LAMBDA_FUNCTION_VERSION":     cfg.Version,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(cfg.MemoryMB),
		"AWS_LAMBDA_INITIALIZATION_TYPE":  initializationType(cfg),
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + cfg.Function,
		"AWS_LAMBDA_LOG_STREAM_NAME": fmt.Sprintf("%s/[%s]%s",
			now.UTC().Format("2006/01/02"), cfg.Version, strings.ReplaceAll(cfg.InstanceID, "-", "")),
		"AWS_REGION":           region,
		"AWS_DEFAULT_REGION":   region,
		"VIDEOSDGX_EXTENSIONS": "progress,cancel",
	}
	if cfg.Handler != "" {
		r["_HANDLER"] = cfg.Handler
	}
	if cfg.EventsAtOnce > 1 {
		r["AWS_LAMBDA_MAX_CONCURRENCY"] = strconv.Itoa(cfg.EventsAtOnce)
	}
	return r
}

func initializationType(cfg wire.Config) string {
	if cfg.SnapStart {
		return "snap-start"
	}
	return "on-demand"
}

func join(list, item string) string {
	if list == "" {
		return item
	}
	return list + "," + item
}

// withNodeOption adds to NODE_OPTIONS.
// withPythonPath puts a folder before those of the function's own PYTHONPATH.
func withPythonPath(env []string, dir string) []string {
	const name = "PYTHONPATH="
	for i, kv := range env {
		if v, ok := strings.CutPrefix(kv, name); ok && v != "" {
			env[i] = name + dir + ":" + v
			return env
		}
	}
	return append(env, name+dir)
}

func withNodeOption(env []string, option string) []string {
	const name = "NODE_OPTIONS="
	for i, kv := range env {
		if v, ok := strings.CutPrefix(kv, name); ok {
			env[i] = name + strings.TrimSpace(v+" "+option)
			return env
		}
	}
	return append(env, name+option)
}
