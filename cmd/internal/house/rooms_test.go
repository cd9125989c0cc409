package house

import (
	"slices"
	"strings"
	"testing"
)

// room says which packages of this tree those under path may import, their own room aside. The room of a package is the
// one with the longest path that holds it; every entry is a path prefix.
type room struct {
	path string
	may  []string
	why  string
}

var rooms = []room{
	{"cmd", []string{"cmd"}, "each command names what else it stands on"},
	{"cmd/internal/manual", []string{"runtime/registry", "runtime/spec", "images/builder"}, "it tells of fields by reading what decodes them"},
	{"cmd/internal/doctor", []string{"internal/regular", "internal/sentence", "internal/sharedlib"}, "it says what a machine has, and knows nothing of what uses it"},
	{"cmd/internal/demo", []string{"runtime/client"}, "it does what a user would, with what a user has"},
	{"cmd/videosdgx", []string{"cmd/internal/cli"}, "main only hands over to the commands"},
	{"cmd/videosdgx-init", []string{"runtime/guest"}, "PID 1 of every instance stays small"},
	{"cmd/internal/daemon", []string{"cmd/internal", "runtime", "snapshotter", "functions/inference/weights", "functions/schema", "internal/atomicfile", "internal/atrest"},
		"the composition root wires all of the runtime; a model reaches it as an image, never as a package: as files, and the schema of its requests"},
	{"cmd/internal/cli", []string{"cmd/internal", "runtime/audit", "runtime/auth", "runtime/backup", "runtime/client", "runtime/device", "runtime/diskuse", "runtime/events/outgoing", "runtime/gateway", "runtime/near", "runtime/registry", "runtime/spec", "snapshotter/catalog", "functions/families", "functions/inference", "functions/media", "functions/serve", "images/builder", "bench/suite"},
		"client commands speak HTTP: of the runtime they know the vocabulary, not what runs; of models, what their families hand over"},

	{"runtime", nil, "every room of the runtime has its own line here"},
	{"runtime/spec", nil, "the shared vocabulary is a leaf"},
	{"runtime/near", nil, "names are like one another, whatever they name"},
	{"runtime/diskuse", nil, "it counts files of whoever asks"},
	{"runtime/sockio", nil, "socket calls know nothing of what is sent"},
	{"runtime/spool", nil, "bytes on their way know nothing of where they go"},
	{"runtime/rapi", []string{"runtime/sockio"}, "the Runtime API lives inside the instance, away from the control plane"},
	{"runtime/guest", []string{"internal/procfs", "runtime/rapi", "runtime/sockio"}, "PID 1 lives inside the instance, away from the control plane"},
	{"runtime/guest/client", []string{"runtime/guest/wire", "runtime/sockio", "runtime/spec"}, "the control plane's end of init.sock knows frames, not instances"},
	{"runtime/client", []string{"runtime/spec", "snapshotter/catalog"}, "the public client knows the vocabulary, not what runs"},
	{"runtime/registry", []string{"internal/atomicfile", "runtime/spec"}, "what is registered does not know how it runs"},
	{"runtime/metrics", []string{"runtime/spec"}, "metrics are told, they do not ask"},
	{"runtime/placement", []string{"runtime/spec"}, "policy is pure: facts in, decisions out"},
	{"runtime/device", []string{"runtime/placement", "runtime/spec"}, "a machine's memory is a fact for placement"},
	{"runtime/instance", []string{"runtime/guest/client", "runtime/guest/wire", "runtime/spec", "snapshotter"}, "gateway → jobs → dispatch → instance"},
	{"runtime/snapshots", []string{"runtime/instance", "runtime/spec", "snapshotter"}, "dispatch asks for snapshots through its own interface"},
	{"runtime/dispatch", []string{"runtime/instance", "runtime/placement", "runtime/spec"}, "gateway → jobs → dispatch → instance"},
	{"runtime/dispatch/roster", nil, "the member table is pure: it knows no instance, clock or lock"},
	{"runtime/jobs", []string{"internal/atomicfile", "internal/sentence", "runtime/diskuse", "runtime/near", "runtime/spec", "runtime/spool"}, "jobs declare the interfaces they need; vectors of prompts are whole files"},
	{"runtime/jobs/sqlite", []string{"runtime/jobs"}, "a driver knows only the interface it implements"},
	{"runtime/jobs/redis", []string{"runtime/jobs"}, "a driver knows only the interface it implements"},
	{"runtime/jobs/usage", []string{"runtime/jobs"}, "it sums up records, wherever they lie"},
	{"runtime/jobs/jobstest", []string{"runtime/jobs", "runtime/spec", "internal/porttest"}, "a conformance suite knows only its interface"},
	{"runtime/sandbox", []string{"runtime/instance", "runtime/guest", "runtime/spec", "internal/atomicfile", "internal/procfs"}, "a driver knows the interface it implements and the init it starts"},
	{"runtime/sandbox/containerd", []string{"runtime/instance", "runtime/guest", "runtime/spec", "snapshotter/criu", "internal/atomicfile", "internal/procfs"},
		"containerd's driver also has CRIU write the images of its tasks"},
	{"runtime/sandbox/containerd/blueprint", []string{"runtime/instance", "runtime/guest/loopback", "runtime/guest/wire", "runtime/spec", "runtime/sandbox/containerd/ids", "runtime/sandbox/containerd/image", "runtime/sandbox/containerd/network", "runtime/sandbox/containerd/place"},
		"a specification is drawn up of facts; it runs nothing"},
	{"runtime/sandbox/containerd/image", []string{"runtime/sandbox/containerd/daemon", "runtime/sandbox/containerd/ids", "runtime/sandbox/containerd/place", "runtime/spec"},
		"images know no instances"},
	{"runtime/sandbox/containerd/cgroup", []string{"runtime/instance", "runtime/spec"}, "groups are told of in the runtime's words"},
	{"runtime/sandbox/containerd/daemon", []string{"runtime/sandbox/containerd/pidfd", "runtime/sandbox/containerd/tool"}, "a containerd is kept running for whoever needs it"},
	{"runtime/sandbox/containerd/network", nil, "the bridge knows owners and ids"},
	{"runtime/sandbox/containerd/ids", nil, "numbers know no containers"},
	{"runtime/sandbox/containerd/place", nil, "places know no containers"},
	{"runtime/sandbox/containerd/pidfd", nil, "a hold on a process knows no containers"},
	{"runtime/sandbox/containerd/gpuspec", nil, "devices are what their driver says they are"},
	{"runtime/sandbox/containerd/tool", nil, "binaries are found for whoever runs them"},
	{"runtime/auth", nil, "who may do what is pure: it knows no HTTP and no routes"},
	{"runtime/auth/keys", []string{"internal/atomicfile", "runtime/auth"}, "keys are one file"},
	{"runtime/auth/token", []string{"runtime/auth"}, "tokens are checked for whoever has one"},
	{"runtime/backup", []string{"internal/atomicfile", "internal/regular"}, "it copies files, and knows nothing of what they are"},
	{"runtime/gateway", []string{"internal/jsonform", "internal/sentence", "runtime/auth", "runtime/jobs", "runtime/near", "runtime/sockio", "runtime/spec", "runtime/spool"}, "gateway → jobs → dispatch → instance"},
	{"runtime/gateway/framing", nil, "bytes on a connection know nothing of what they ask"},
	{"runtime/gateway/certs", nil, "certificates know nothing of what is served"},
	{"runtime/secrets", []string{"internal/atomicfile"}, "it finds secrets, and knows no function"},
	{"runtime/audit", nil, "it appends lines, whatever they tell"},
	{"runtime/prompt", nil, "texts know no requests"},
	{"runtime/trace", []string{"runtime/jobs", "runtime/spec"}, "it watches invocations and jobs go by"},
	{"runtime/loras", []string{"runtime/dispatch", "runtime/gateway", "runtime/spec", "functions/inference/weights", "functions/schema"},
		"LoRAs are merged before an event goes on: of models it knows files, and the schema of their requests"},
	{"runtime/limits", []string{"runtime/spec"}, "it counts, and knows nothing of what"},
	{"runtime/gateway/access", []string{"internal/jsonform", "runtime/audit", "runtime/auth", "runtime/gateway", "runtime/limits"}, "it asks for credentials before any route, and knows none of them"},
	{"runtime/gateway/keys", []string{"internal/jsonform", "runtime/auth", "runtime/gateway"}, "it shows keys as their room keeps them"},
	{"runtime/gateway/lambda", []string{"internal/jsonform", "runtime/auth", "runtime/gateway", "runtime/events/outgoing", "runtime/spec", "runtime/spool"}, "destinations are shown without their keys"},
	{"runtime/gateway/admin", []string{"internal/jsonform", "runtime/auth", "runtime/gateway", "runtime/events/outgoing", "runtime/spec", "runtime/tasks"}, "destinations are shown without their keys"},
	{"runtime/gateway/rest", []string{"internal/filekind", "internal/jsonform", "runtime/auth", "runtime/experiments", "runtime/gateway", "runtime/events/outgoing", "runtime/jobs", "runtime/spec", "functions/schema"},
		"requests are held to the schema that their model publishes, webhooks to what may be called"},
	{"runtime/tasks", nil, "it runs the program's own commands and knows nothing of what they do"},
	{"runtime/experiments", []string{"internal/atomicfile"}, "votes know no models and no clips"},
	{"runtime/ui", []string{"runtime/auth"}, "the page uses the public API, like everybody else: it knows nothing of the runtime"},
	{"runtime/events", []string{"internal/atomicfile", "internal/sentence", "runtime/spec"}, "what nobody waits for is no HTTP, but for what leaves"},
	{"runtime/gateway/snapshots", []string{"runtime/auth", "runtime/gateway", "runtime/spec", "snapshotter/catalog"}, "it shows the catalogue's records as they are"},

	{"snapshotter", nil, "the runtime stands on the snapshotter"},
	{"snapshotter/catalog", []string{"snapshotter", "internal/atomicfile"}, "the runtime stands on the snapshotter"},
	{"snapshotter/criu", []string{"snapshotter"}, "a driver knows only the interface it implements"},
	{"snapshotter/cuda", []string{"snapshotter"}, "a driver knows only the interface it implements"},

	{"functions/schema", []string{"internal/filekind", "internal/jsonform"}, "requests are read by one leaf, in functions and in the gateway"},
	{"functions/handler", []string{"functions/media", "functions/schema", "internal/atrest", "internal/jsonform", "internal/procfs", "internal/sentence"}, "what every model function shares names no model"},
	{"functions/media", []string{"internal/filekind"}, "encoding knows pictures, not models"},
	{"functions/inference", []string{"internal/atomicfile", "internal/regular", "internal/sharedlib"}, "how a model runs knows no model"},
	{"functions/inference/engine/ort", []string{"functions/inference/engine", "functions/inference/onnx", "internal/sharedlib"}, "an engine's driver knows the interface and the graph's format"},
	{"functions/inference/engine/tensorrt", []string{"functions/inference/engine", "functions/inference/onnx", "functions/inference/quant", "internal/regular", "internal/sentence", "internal/sharedlib"},
		"an engine's driver knows the interface, the graph's format and the weights'"},
	{"functions/inference/engine/tensorrt/accept", []string{"functions/inference/engine", "functions/inference/onnx"},
		"it compares engines by their interface"},
	{"functions/inference/engine/upload", []string{"functions/inference/onnx", "internal/regular"}, "it brings files to a device, and knows no library"},
	{"functions/inference/engine/split", []string{"functions/inference/engine", "functions/inference/onnx"}, "an engine over several knows them by their interface"},
	{"functions/inference/engine/enginetest", []string{"functions/inference/engine", "functions/inference/onnx"}, "a conformance suite knows only its interface"},
	{"functions/serve/rehearsal", []string{"functions/handler", "functions/media"}, "whoever rehearses a model knows what it takes alone"},
	{"functions/serve", []string{"functions/handler", "functions/inference"}, "the room that knows the engines knows no model"},
	{"functions/families", []string{"functions"}, "the list of all families names each, and nothing below it names the list"},
	{"functions/serve/duo", []string{"functions/handler", "functions/media"}, "who changes over between engines knows neither"},
	{"functions/wan21", []string{"functions/handler", "functions/inference", "functions/serve", "functions/wan"}, "a name for what its family's room builds"},
	{"functions/wan22", []string{"functions/handler", "functions/inference", "functions/serve", "functions/wan"}, "a name for what its family's room builds"},
	// every other folder of functions is a model, or what a family of models shares
	{"functions", []string{"functions/handler", "functions/media", "functions/schema", "functions/inference", "functions/serve"},
		"functions meet the runtime over HTTP only, and what two models share moves down into inference"},

	{"images", nil, "the builder works on files"},
	{"internal/atrest", nil, "a process that waits holds less, whichever it is"},
	{"internal/atomicfile", nil, "it writes files of whoever asks"},
	{"internal/filekind", nil, "a file is of a kind, whoever sends or opens it"},
	{"internal/jsonform", nil, "JSON is JSON, whoever sent it"},
	{"internal/porttest", nil, "ports for programs that tests start, in any room"},
	{"internal/logtest", nil, "a log that is looked through, in the tests of any room"},
	{"internal/sentence", nil, "an error's words are a person's, whoever says them"},
	{"internal/regular", []string{"internal/sentence"}, "a file is regular or not, whoever opens it"},
	{"internal/procfs", nil, "the kernel's words are the same in every process"},
	{"internal/sharedlib", []string{"internal/regular"}, "a file is a library that may be opened or not, whoever opens it"},
	{"internal/sharedlib/sharedlibtest", nil, "libraries that tests of any room look at"},
	{"internal/browsertest", nil, "a browser for the tests of any room"},

	{"bench", []string{"runtime/client"}, "bench uses public clients only"},
	{"bench/harness", []string{"internal/procfs", "runtime/client", "runtime/sockio", "runtime/spec"}, "its client must not cost what is measured"},
	{"bench/simulate", []string{"bench/harness", "runtime/placement", "runtime/spec"}, "it replays traces against the policy itself"},
	{"bench/stream", []string{"bench/harness", "functions"}, "it makes clips in its own process, whose memory it measures"},
	{"bench/quality", []string{"bench/harness", "bench/judge", "functions"}, "it makes clips in its own process, so that only the weights differ"},
	{"bench/auth", []string{"bench/harness", "runtime/client", "runtime/auth/token/forge"}, "it signs tokens as an issuer would"},
	{"bench/hostile", []string{"bench/harness", "bench/hostile", "runtime/client", "runtime/auth/token/forge"}, "it signs tokens as an attacker would"},
	{"bench/steps", []string{"bench/harness", "bench/judge", "functions"}, "it makes clips in its own process, so that only the steps differ"},
	{"bench/lora", []string{"bench/harness", "functions/inference"}, "it writes LoRAs and reads what they become"},
	{"bench/hostile/viewer", []string{"functions/handler", "functions/media"}, "it is a function, as models are"},
	{"bench/sizes", []string{"bench/harness", "functions"}, "it builds bundles where no runtime is"},
	{"bench/quant", []string{"bench/harness", "functions/inference"}, "it measures codecs and kernels where no runtime is"},
	{"bench/gpu", []string{"bench/harness", "snapshotter/cuda"}, "it measures the CUDA driver where no runtime is"},
	{"bench/gpu/tensorrt", []string{"bench/harness", "bench/gpu/random", "functions"}, "it builds plans of a model's graphs where no runtime is"},
	{"bench/gpu/kernels", []string{"bench/harness"}, "it has programs of kernels run by themselves"},
	{"bench/gpu/tensorrt/run", []string{"bench/harness", "bench/gpu/judged", "bench/judge", "bench/gpu/random", "functions"}, "it makes clips through plans where no runtime is"},
	{"bench/gpu/step", []string{"bench/harness", "bench/gpu/random", "functions/inference", "functions/wan21"}, "it runs the graphs of a model by themselves"},
	{"bench/gpu/chunk", []string{"bench/harness", "bench/gpu/random", "functions/inference", "functions/magi1"}, "it runs the graph of a model by itself"},
	{"bench/gpu/ltx2", []string{"bench/harness", "bench/gpu/random", "functions/inference", "functions/ltx2", "functions/media"}, "it runs the graphs of a model by themselves, and makes the file"},
	{"bench/gpu/decode", []string{"bench/harness", "bench/gpu/random", "functions/inference"}, "it runs the graphs of a model by themselves"},
	{"bench/gpu/load", []string{"bench/harness", "functions/inference"}, "it opens graphs by themselves"},
	{"bench/gpu/cold", []string{"bench/harness", "bench/gpu/random", "functions/inference", "functions/wan21"}, "it runs the graphs of a model by themselves"},
	{"bench/gpu/judged", []string{"bench/judge", "functions/handler"}, "it makes clips where no runtime is"},
	{"bench/gpu/clips", []string{"bench/harness", "bench/gpu/judged", "bench/judge", "functions"}, "it makes clips where no runtime is"},
	{"bench/gpu/random", []string{"functions/inference"}, "it makes weights for graphs"},
}

// drivers are imported by the composition root, and by what is named beside them.
var drivers = map[string][]string{
	"runtime/sandbox/containerd": nil,
	"runtime/sandbox/process":    nil,
	"runtime/jobs/sqlite":        nil,
	"runtime/jobs/redis":         nil,
	"snapshotter/criu":           {"runtime/sandbox/containerd"}, // runc checkpoints through it: the driver hands it the settings
	"snapshotter/cuda":           {"bench/gpu"},                  // measures its phases without a runtime
	// the functions' composition room; doctor, which looks for the library; what measures it on a GPU
	"functions/inference/engine/ort": {"functions/serve", "cmd/internal/cli", "functions/inference/compile/compiletest", "bench/gpu", "bench/quant"},
}

func TestImportsStayInTheirRooms(t *testing.T) {
	for _, p := range packages(t) {
		r := roomOf(t, p.path())
		for _, imp := range p.Imports {
			if !r.holds(p.path(), imp) {
				t.Errorf("%s imports %s; %s may import %v: %s", p.path(), imp, r.path, r.may, r.why)
			}
		}
	}
}

// TestTestsKeepTheWallsBetweenTopFolders allows a test what its package may not: neighbours to run against. Even then no
// function's test needs the runtime, and no import runs up. What lies in internal is for the tests of all.
func TestTestsKeepTheWallsBetweenTopFolders(t *testing.T) {
	stands := map[string][]string{"runtime": {"snapshotter"}, "cmd": {"runtime", "snapshotter", "functions", "images", "bench"}}
	for _, p := range packages(t) {
		for _, imp := range p.TestImports {
			top, on := first(p.path()), first(imp)
			if top != on && on != "internal" && !slices.Contains(stands[top], on) && !roomOf(t, p.path()).holds(p.path(), imp) {
				t.Errorf("a test of %s imports %s: %s stands on %v", p.path(), imp, top, stands[top])
			}
		}
	}
}

func TestOnlyTheRootImportsDrivers(t *testing.T) {
	for _, p := range packages(t) {
		for _, imp := range p.Imports {
			for driver, also := range drivers {
				if under(imp, driver) && !underAny(p.path(), append(also, "cmd/internal/daemon", driver)) {
					t.Errorf("%s imports the driver %s: only the composition root does", p.path(), imp)
				}
			}
		}
	}
}

// TestOnlyTestsImportTestPackages keeps fakes and conformance suites out of the programs.
func TestOnlyTestsImportTestPackages(t *testing.T) {
	for _, p := range packages(t) {
		for _, imp := range p.Imports {
			if forTests(imp) && !forTests(p.path()) {
				t.Errorf("%s imports %s, which is for tests", p.path(), imp)
			}
		}
	}
}

func forTests(path string) bool {
	return strings.HasSuffix(path, "test") || path == "functions/inference/golden"
}

// holds says whether a package of the room may import another of this tree.
func (r room) holds(importer, imported string) bool {
	return under(imported, own(r, importer)) || underAny(imported, r.may)
}

// own is the folder within which packages may import one another: the room's, but among functions each model's.
func own(r room, importer string) string {
	if r.path == "functions" {
		return "functions/" + first(strings.TrimPrefix(importer, "functions/"))
	}
	return r.path
}

func roomOf(t *testing.T, path string) room {
	t.Helper()
	var best room
	for _, r := range rooms {
		if under(path, r.path) && len(r.path) > len(best.path) {
			best = r
		}
	}
	if best.path == "" || best.path == "runtime" {
		t.Fatalf("%s has no line in rooms: say what it may import, and why", path)
	}
	return best
}

func first(path string) string {
	top, _, _ := strings.Cut(path, "/")
	return top
}

func underAny(path string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return under(path, p) })
}

// under is true for a package and those below it, not for one that merely begins with the same letters.
func under(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}
