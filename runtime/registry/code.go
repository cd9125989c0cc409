package registry

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// sources are the suffixes of files that an interpreter reads. What a function writes beside its program, such as a log or
// a database, is not code, and must not end its own instances.
var sources = []string{".py", ".js", ".mjs", ".cjs", ".ts", ".rb", ".php", ".pl", ".lua", ".sh", ".so", ".jar", ".class"}

// codeEntries is how many files and folders are looked through at most: a program may lie in a folder that is not its own.
const codeEntries = 4096

// systems are folders of the system's programs: what lies beside an interpreter there is no function's, and looking through
// thousands of files for each function that one runs has a thousand manifests wait for seconds.
var systems = []string{"/bin", "/sbin", "/usr/bin", "/usr/sbin"}

// layout adds the index of an image's layout, or docker's list, which hold the image's digest; of an archive its stamp.
func (h *hasher) layout(w io.Writer, fn spec.Function) {
	if path, _, ok := spec.Layout(fn.Image); ok {
		h.file(w, filepath.Join(path, "index.json"))
		h.stamped(w, filepath.Join(path, "manifest.json"))
		h.stamped(w, path)
	}
}

// program adds a program that runs without an image, the files that its arguments name, and the source files beside it.
func (h *hasher) program(w io.Writer, fn spec.Function) {
	if fn.Image != "" || len(fn.Command) == 0 || !filepath.IsAbs(fn.Command[0]) {
		return
	}
	h.file(w, fn.Command[0])
	own := filepath.Dir(fn.Command[0])
	for _, word := range slices.Concat(fn.Command[1:], fn.Args) {
		h.stamped(w, beside(cmp.Or(fn.WorkDir, fn.Dir, own), word))
	}
	if !slices.Contains(systems, own) {
		h.sources(w, own)
	}
}

// sources adds the source files below dir, but for hidden folders.
func (h *hasher) sources(w io.Writer, dir string) {
	left := codeEntries
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if left--; left < 0 {
			return fs.SkipAll
		}
		switch {
		case err != nil:
		case e.IsDir() && path != dir && strings.HasPrefix(e.Name(), "."):
			return fs.SkipDir
		case slices.Contains(sources, filepath.Ext(path)):
			h.stamped(w, path)
		}
		return nil
	})
}

// stamped adds a file that is there.
func (h *hasher) stamped(w io.Writer, path string) {
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		_, _ = fmt.Fprintf(w, "file %s %s\n", path, h.stamp(path, info))
	}
}
