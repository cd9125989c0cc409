package reseed

import (
	"os"
	"regexp"
	"strconv"
	"strings"
)

// ownGenerators are libraries in a Python process with generators that the script does not reach.
var ownGenerators = regexp.MustCompile(`/(libtorch|libtensorflow|_pywrap_tensorflow|libcurand|libcupy|libgsl|libmkl_vml|libR|libjvm|libpaddle|libmxnet|libgraph_tool|` +
	`onnxruntime_pybind11_state|duckdb|apsw|polars|_?uuid_utils|_?fastuuid)[^/\n]*\.so`)

// Repeats names what in a process would draw the same random numbers in every instance of a snapshot; "" when all that is
// known of it can be renewed. What is not known counts as repeating: Java, Ruby, .NET, PHP, Perl, Lua, native programs and
// others keep generators of which nobody outside knows where they lie.
func Repeats(pid int) string {
	name := executable(pid)
	switch {
	case name == "." || name == "": // it has gone
		return ""
	case isGo(pid), name == "dash":
		return ""
	case name == "node":
		return nodeRepeats(pid)
	case isPython(pid):
		return pythonRepeats(pid, name)
	}
	return name
}

func nodeRepeats(pid int) string {
	environ, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	switch {
	case !strings.Contains(string(environ), NodeScript):
		return "Node.js without its NODE_OPTIONS"
	case listens(pid, nodeSignal):
		return "Node.js with random bytes fetched ahead, as nanoid does"
	}
	return ""
}

func pythonRepeats(pid int, name string) string {
	if !listens(pid, pythonSignal) {
		return name + " without its PYTHONPATH"
	}
	maps, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/maps")
	if m := ownGenerators.FindStringSubmatch(string(maps)); m != nil {
		return name + " with " + m[1]
	}
	return ""
}
