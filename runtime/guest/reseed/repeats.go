package reseed

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

// ownGenerators begin the names of libraries in a Python process with generators that the script does not reach; the last two are
// ddtrace's and numba's. Lists and not expressions: their engine would lie in every instance's memory.
var ownGenerators = []string{"libtorch", "libtensorflow", "_pywrap_tensorflow", "libcurand", "libcupy", "libgsl", "libmkl_vml", "libR", "libjvm", "libpaddle",
	"libmxnet", "libgraph_tool", "onnxruntime_pybind11_state", "duckdb", "polars", "_uuid_utils", "uuid_utils", "_fastuuid", "fastuuid", "_rand.", "_helperlib."}

// ownAddons are such in Node.js.
var ownAddons = []string{"libtorch", "libtensorflow", "tfjs_binding", "onnxruntime_binding", "duckdb", "isolated_vm", "node-llama", "llama-addon", "polars", "libpython"}

// carries gives the first of the names that begins a library's, as a maps file has them; "" when none does.
func carries(maps string, names []string, endings ...string) string {
	for line := range strings.Lines(maps) {
		for i, element := range strings.Split(line, "/") {
			for _, name := range names {
				rest, ok := strings.CutPrefix(element, name)
				if i > 0 && ok && slices.ContainsFunc(endings, func(e string) bool { return strings.Contains(rest, e) }) {
					return name
				}
			}
		}
	}
	return ""
}

// Repeats names what in a process would draw the same random numbers in every instance of a snapshot; "" when all that is
// known of it can be renewed. What is not known counts as repeating: Java, Ruby, .NET, PHP, Perl, Lua, native programs and
// others keep generators of which nobody outside knows where they lie.
func Repeats(pid int) string {
	name := executable(pid)
	switch {
	case name == "." || name == "": // it has gone
		return ""
	case isGo(pid):
		return goRepeats(pid)
	case name == "dash":
		return ""
	case name == "node":
		return nodeRepeats(pid)
	case isPython(pid):
		return pythonRepeats(pid, name)
	}
	return name
}

func nodeRepeats(pid int) string {
	if environ, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ"); !strings.Contains(string(environ), NodeScript) {
		return "Node.js without its NODE_OPTIONS"
	}
	if addon := carries(mapped(pid), ownAddons, ".node", ".so"); addon != "" {
		return "Node.js with " + addon
	}
	if marked(pid) || listens(pid, nodeSignal) {
		return "Node.js with random numbers that it keeps, as nanoid's bytes fetched ahead"
	}
	return ""
}

func pythonRepeats(pid int, name string) string {
	if !listens(pid, pythonSignal) {
		return name + " without its PYTHONPATH"
	}
	if library := carries(mapped(pid), ownGenerators, ".so"); library != "" {
		return name + " with " + strings.TrimSuffix(library, ".")
	}
	if marked(pid) {
		return name + " with a sub-interpreter"
	}
	return ""
}

func mapped(pid int) string {
	maps, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/maps")
	return string(maps)
}
