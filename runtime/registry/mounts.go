package registry

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// mounts refuses what no function may mount. A function that came through the API has the folder of a manifest where one
// lies there that says the same: who could write it may offer what lies beside it.
func (r *Registry) mounts(fn *spec.Function, file string, lines map[string]int) error {
	if len(fn.Mounts) > 0 && fn.Dir == "" {
		fn.Dir = manifestOf(*fn)
	}
	c := &checker{file: file, lines: lines}
	for i, m := range fn.Mounts {
		_, _, err := r.cfg.Mounts.Allowed(fn, m)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // one that is missing may come before an instance starts
			c.want(false, fmt.Sprintf("mounts[%d].source", i), "", "%s", err)
		}
	}
	return errors.Join(c.errs...)
}

// manifestOf looks for function.yaml above the first mount of a function; "" where none is the function's own.
func manifestOf(fn spec.Function) string {
	for dir := filepath.Clean(fn.Mounts[0].Source); dir != "/" && filepath.IsAbs(dir); dir = filepath.Dir(dir) {
		path := filepath.Join(dir, manifestFile)
		if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() || st.Size() > maxManifest {
			continue
		}
		if written, err := Read(path); err == nil && sameCode(written, fn) {
			return dir
		}
	}
	return ""
}

// sameCode tells whether two functions run the same with the same of the machine in it.
func sameCode(a, b spec.Function) bool {
	code := func(f spec.Function) []any {
		return []any{f.Name, f.Image, append([]string{}, f.Command...), append([]string{}, f.Args...), f.Mounts}
	}
	return reflect.DeepEqual(code(a), code(b))
}

// mountTree adds what a read-only mount shows: each file by content, each link by what it says. Nothing is followed, since
// inside an instance a link leads elsewhere.
func (h *hasher) mountTree(w io.Writer, dir string) {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			_, _ = fmt.Fprintf(w, "missing %s\n", path)
			return nil
		}
		info, err := e.Info()
		switch {
		case err != nil || e.IsDir():
		case info.Mode()&fs.ModeSymlink != 0:
			to, _ := os.Readlink(path)
			_, _ = fmt.Fprintf(w, "link %s %s\n", path, to)
		case info.Mode().IsRegular():
			_, _ = fmt.Fprintf(w, "file %s %o %s\n", path, info.Mode(), h.stamp(path, info))
		}
		return nil
	})
}

// stamp is a small file's content, and a large one's size and times: whoever replaces one may give it the time of what was
// there, but not the time at which that was done. Where a link leads to belongs to it: two files may have one time.
func (h *hasher) stamp(path string, info fs.FileInfo) string {
	if info = settled(path, info); info.Size() > smallFile {
		is := fmt.Sprint(info.Size(), info.ModTime().UnixNano(), setTime(info).UnixNano())
		if real, err := filepath.EvalSymlinks(path); err == nil && real != filepath.Clean(path) {
			is += " " + real
		}
		return is
	}
	return h.content(path, info)
}
