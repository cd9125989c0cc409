package house

import (
	"slices"
	"strings"
	"testing"
)

// sdk is a library, or a part of the standard library, that few rooms may know.
type sdk struct {
	path string
	in   []string
	why  string
}

var sdks = []sdk{
	{"github.com/containerd/containerd", []string{"runtime/sandbox/containerd"}, "a container runtime is known to its driver only"},
	{"github.com/vishvananda", []string{"runtime/sandbox/containerd"}, "networks are made by the driver"},
	{"tags.cncf.io", []string{"runtime/sandbox/containerd"}, "GPUs are handed over by the driver"},
	{"modernc.org/sqlite", []string{"runtime/jobs/sqlite"}, "a database is known to its driver only"},
	{"github.com/redis/go-redis", []string{"runtime/jobs/redis"}, "a database is known to its driver only"},
	{"github.com/fsnotify/fsnotify", []string{"runtime/registry"}, "only manifests are watched"},
	{"github.com/NVIDIA/go-nvml", []string{"runtime/device", "runtime/sandbox/containerd/gpuspec"}, "placement gets facts, not a library"},
	{"github.com/NVIDIA/nvidia-container-toolkit", []string{"runtime/sandbox/containerd/gpuspec"}, "one room describes devices to CDI"},
	{"github.com/prometheus/client_golang", []string{"runtime/metrics", "runtime/gateway/rest", "cmd/internal/daemon"},
		"metrics are declared in one package; a model's own are those of its API"},
	{"github.com/spf13", []string{"cmd/internal"}, "flags end where configuration begins"},
	{"google.golang.org/protobuf/encoding/protowire", []string{"functions/inference/onnx", "functions/inference/text", "snapshotter/criu"}, "graphs are written in one package, a tokenizer.model and CRIU's list of mounts read in others"},
	{"github.com/aws/aws-lambda-go", []string{"functions", "images", "bench/jobs/clip"}, "the control plane speaks Lambda's protocol, functions use its library"},
	{"go.opentelemetry.io", []string{"runtime/trace"}, "traces are made in one room"},
	{"C", []string{"functions/inference/engine", "snapshotter/cuda"}, "a crash in C ends an instance, and in the control plane only what CUDA's driver needs is C"},
	{"net/http", []string{"cmd", "functions/handler", "functions/inference/weights/hub", "runtime/client", "runtime/gateway", "runtime/events", "runtime/jobs", "runtime/trace", "runtime/ui", "runtime/sandbox/containerd/image", "images", "bench"},
		"HTTP comes in at the gateway; it goes out through events/outgoing, whose clients ask registries too, for downloads, from the client and from the commands"},
}

func TestLibrariesStayInTheirRooms(t *testing.T) {
	for _, p := range packages(t) {
		for _, imp := range p.Outside {
			for _, s := range sdks {
				if under(imp, s.path) && !underAny(p.path(), s.in) {
					t.Errorf("%s imports %s, which is for %v: %s", p.path(), imp, s.in, s.why)
				}
			}
		}
	}
}

// TestStandardLibraryOnly keeps what lives inside an instance small and without surprises, and the vocabulary and the
// policy free of anything that could do I/O on its own.
func TestStandardLibraryOnly(t *testing.T) {
	for _, of := range []string{"cmd/videosdgx-init", "runtime/spec", "runtime/placement", "runtime/guest", "runtime/rapi"} {
		for _, dep := range list(t, "-deps", "./"+of) {
			if !dep.Standard && !strings.HasPrefix(dep.ImportPath, module+"/") {
				t.Errorf("%s depends on %s", of, dep.ImportPath)
			}
		}
	}
}

func TestPolicyDoesNoIO(t *testing.T) {
	for _, p := range packages(t) {
		if !under(p.path(), "runtime/placement") {
			continue
		}
		for _, imp := range p.Outside {
			if slices.Contains([]string{"os", "os/exec", "net", "net/http", "syscall", "io/fs", "log/slog"}, imp) {
				t.Errorf("%s imports %s: policy takes facts and returns decisions", p.path(), imp)
			}
		}
	}
}
