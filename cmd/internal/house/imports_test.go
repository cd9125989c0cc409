package house

import (
	"slices"
	"strings"
	"testing"
)

// rule forbids packages under From to import packages under any of Not, but for Except, each for its reason. An
// exception is "importer > imported", both as path prefixes.
type rule struct {
	from   string
	not    []string
	except []string
	why    string
}

var rules = []rule{
	{from: "functions", not: []string{"runtime", "snapshotter", "cmd", "bench"}, why: "functions meet the runtime over HTTP only"},
	{from: "functions/inference", not: []string{"functions/wan21", "functions/ltx2", "functions/magi1", "functions/waver", "functions/handler", "functions/media"},
		why: "how a model runs knows no model"},
	{from: "functions/wan21", not: []string{"functions/ltx2", "functions/magi1", "functions/waver"}, why: "what two models share moves down into inference"},
	{from: "snapshotter", not: []string{"runtime", "functions", "cmd", "bench"}, why: "the runtime stands on the snapshotter"},
	{from: "runtime", not: []string{"cmd", "functions", "bench", "images"}, why: "no import runs up"},
	{from: "runtime/spec", not: []string{"runtime", "snapshotter"}, except: []string{"runtime/spec > runtime/spec"}, why: "spec is a leaf"},
	{from: "runtime/jobs", not: []string{"runtime/gateway", "runtime/dispatch", "runtime/instance", "runtime/sandbox"}, why: "jobs declare the interfaces they need"},
	{from: "runtime/instance", not: []string{"runtime/gateway", "runtime/jobs", "runtime/dispatch", "runtime/sandbox"}, why: "gateway → jobs → dispatch → instance"},
	{from: "runtime/dispatch", not: []string{"runtime/gateway", "runtime/jobs", "runtime/sandbox"}, why: "gateway → jobs → dispatch → instance"},
	{from: "runtime/placement", not: []string{"runtime/gateway", "runtime/jobs", "runtime/dispatch", "runtime/sandbox", "runtime/instance"}, why: "policy is pure"},
	{from: "runtime/sandbox", not: []string{"runtime/gateway", "runtime/jobs", "runtime/dispatch", "runtime/registry", "runtime/placement"},
		why: "a driver knows only the interface it implements"},
	{from: "bench", not: []string{"runtime", "functions", "snapshotter", "cmd"}, why: "bench uses public clients only",
		except: []string{
			"bench/simulate > runtime/placement", // replays traces against the policy itself
			"bench/simulate > runtime/spec",
			"bench/gpu > snapshotter/cuda", // measures the driver's phases where no runtime is
		}},
	{from: "images", not: []string{"runtime", "functions", "snapshotter", "cmd", "bench"}, why: "the builder works on files"},
}

// drivers may be imported by the composition root, by each other's tests, and by what is named beside them.
var drivers = map[string][]string{
	"runtime/sandbox/containerd": nil, "runtime/sandbox/process": nil,
	"runtime/jobs/sqlite": nil, "runtime/jobs/redis": nil,
	"snapshotter/criu": {"runtime/sandbox/containerd", "cmd/internal"}, "snapshotter/cuda": {"snapshotter", "bench/gpu", "cmd/internal"},
}

func TestImportRules(t *testing.T) {
	for _, p := range packages(t) {
		for _, imp := range p.Imports {
			for _, r := range rules {
				if under(p.path(), r.from) && slices.ContainsFunc(r.not, func(n string) bool { return under(imp, n) }) && !r.allows(p.path(), imp) {
					t.Errorf("%s imports %s: %s", p.path(), imp, r.why)
				}
			}
		}
	}
}

func TestOnlyTheRootImportsDrivers(t *testing.T) {
	for _, p := range packages(t) {
		for _, imp := range p.Imports {
			also, driver := drivers[imp]
			ok := under(p.path(), "cmd/internal/daemon") || under(p.path(), imp) ||
				slices.ContainsFunc(also, func(a string) bool { return under(p.path(), a) })
			if driver && !ok {
				t.Errorf("%s imports the driver %s: only the composition root does", p.path(), imp)
			}
		}
	}
}

// TestInitIsStandardLibraryOnly keeps PID 1 of every instance small and without surprises.
func TestInitIsStandardLibraryOnly(t *testing.T) {
	for _, dep := range list(t, "-deps", "./cmd/videosdgx-init") {
		if !dep.Standard && !strings.HasPrefix(dep.ImportPath, module+"/") {
			t.Errorf("videosdgx-init depends on %s", dep.ImportPath)
		}
	}
}

func (r rule) allows(importer, imported string) bool {
	return slices.ContainsFunc(r.except, func(e string) bool {
		a, b, _ := strings.Cut(e, " > ")
		return under(importer, a) && under(imported, b)
	})
}

// under is true for a package and those below it, not for one that merely begins with the same letters.
func under(path, prefix string) bool {
	path = strings.TrimPrefix(path, module+"/")
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}
