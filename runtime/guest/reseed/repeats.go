package reseed

import (
	"os"
	"regexp"
	"strconv"
	"strings"
)

// ownGenerators are libraries in a Python process with generators that the script does not reach.
var ownGenerators = regexp.MustCompile(`/(libtorch|libtensorflow|_pywrap_tensorflow|libcurand|libcupy|libgsl|libmkl_vml|libR|libjvm|libpaddle|libmxnet|libgraph_tool|` +
	`onnxruntime_pybind11_state|duckdb|polars|_?uuid_utils|_?fastuuid|_rand\.|_helperlib\.)[^/\n]*\.so`) // the last two: ddtrace, numba

// ownAddons are such in Node.js.
var ownAddons = regexp.MustCompile(`/(libtorch|libtensorflow|tfjs_binding|onnxruntime_binding|duckdb|isolated_vm|node-llama|llama-addon|polars|libpython)[^/\n]*\.(?:node|so)`)

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
	if m := ownAddons.FindStringSubmatch(mapped(pid)); m != nil {
		return "Node.js with " + m[1]
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
	if m := ownGenerators.FindStringSubmatch(mapped(pid)); m != nil {
		return name + " with " + strings.TrimSuffix(m[1], ".")
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
