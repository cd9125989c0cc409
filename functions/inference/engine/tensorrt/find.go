package tensorrt

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/sentence"
)

// Environment variables that win over every place searched.
const (
	LibraryEnv = "VIDEOSDGX_TRT_LIB"   // a TensorRT library, or a folder with one
	ShimsEnv   = "VIDEOSDGX_TRT_SHIMS" // the folder of the shims
)

// InstallDir is where `make setup-tensorrt` puts TensorRT.
const InstallDir = "/opt/videosdgx/tensorrt/lib"

// Family is a line of TensorRT libraries whose plans and binary interface are their own.
type Family string

// The two families.
const (
	Enterprise Family = "TensorRT"
	RTX        Family = "TensorRT-RTX"
)

// Install is a TensorRT on this machine: its files, and the shim whose headers fit its file name.
type Install struct {
	Family                Family
	Library, Parser, Shim string
}

// kind is a way in which TensorRT's files are called, and the shim that goes with it.
type kind struct {
	family       Family
	file         string // an expression: its first group is the version at the end
	parser, shim string
}

var kinds = []kind{
	{RTX, `^libtensorrt_rtx\.so\.(1(?:\.\d+)*)$`, "libtensorrt_onnxparser_rtx.so.", "libvdx_trtrtx1.so"},
	{Enterprise, `^libnvinfer\.so\.(11(?:\.\d+)*)$`, "libnvonnxparser.so.", "libvdx_trt11.so"},
	{Enterprise, `^libnvinfer\.so\.(10(?:\.\d+)*)$`, "libnvonnxparser.so.", "libvdx_trt10.so"},
	{Enterprise, `^libnvinfer\.so\.(8(?:\.\d+)*)$`, "libnvonnxparser.so.", "libvdx_trt8.so"},
}

// Find lists the TensorRTs of this machine in the order in which they should be tried. None is NotFound, with what to do.
func Find() ([]Install, error) {
	var all []Install
	for _, path := range places() {
		for _, at := range look(path) {
			if !slices.ContainsFunc(all, func(b Install) bool { return b.Shim == at.Shim }) {
				all = append(all, at)
			}
		}
	}
	if named := os.Getenv(LibraryEnv); len(all) == 0 && named != "" {
		return nil, fmt.Errorf("%s is %s, %s: name libtensorrt_rtx.so.1.x.y or libnvinfer.so.11, .10 or .8, or a folder with it; without the variable, what `make setup-tensorrt` brings is taken: %w",
			LibraryEnv, named, notTensorRT(named), errdefs.ErrNotFound)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("TensorRT is not installed: run `make setup-tensorrt`, or set %s to its library: %w", LibraryEnv, errdefs.ErrNotFound)
	}
	return all, nil
}

// At lists the TensorRTs in a folder, or the one that the file at path is. Where there is none, wrong says why, as the end of a sentence
// that begins with the path.
func At(path string) (all []Install, wrong string) {
	if all = look(path); len(all) == 0 {
		return nil, notTensorRT(path)
	}
	return all, ""
}

// notTensorRT says why nothing was found at a place that was named.
func notTensorRT(path string) string {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "which cannot be read (" + sentence.Bare(err) + ")"
	case !info.IsDir():
		return "a file that is not called like a TensorRT library"
	}
	if _, err := os.ReadDir(path); err != nil {
		return "a folder that cannot be read (" + sentence.Bare(err) + ")"
	}
	return "a folder without a TensorRT library"
}

// places are folders and files, the first wins. What the environment names is the only place.
func places() []string {
	if p := os.Getenv(LibraryEnv); p != "" {
		return []string{p}
	}
	triplet := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[runtime.GOARCH]
	return append(besideExecutable(), InstallDir, "/usr/local/tensorrt/lib", filepath.Join("/usr/lib", triplet), "/usr/local/lib", "/usr/lib")
}

func besideExecutable() []string {
	exe, err := os.Executable()
	if err != nil {
		return nil
	}
	dir := filepath.Dir(exe)
	return []string{dir, filepath.Join(dir, "lib"), filepath.Join(dir, "..", "lib")}
}

// look finds the libraries of each kind in a folder, or the one file that path is.
func look(path string) (all []Install) {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs // dlopen looks for a bare name elsewhere
	}
	if name := filepath.Base(path); name == "libnvinfer.so" || name == "libtensorrt_rtx.so" { // the link for linkers names no version
		if to, err := filepath.EvalSymlinks(path); err == nil {
			path = to
		}
	}
	dir, only := path, ""
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		dir, only = filepath.Dir(path), filepath.Base(path)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, k := range kinds {
		file := regexp.MustCompile(k.file)
		for _, e := range entries {
			if m := file.FindStringSubmatch(e.Name()); m != nil && (only == "" || only == e.Name()) {
				all = append(all, Install{Family: k.family, Library: filepath.Join(dir, e.Name()), Parser: parser(dir, k.parser, m[1], entries), Shim: shim(k.shim)})
				break
			}
		}
	}
	return all
}

// parser is the ONNX parser of the same version, else the one that is there; empty when there is none.
func parser(dir, prefix, version string, entries []os.DirEntry) string {
	found := ""
	for _, e := range entries {
		if rest, ok := strings.CutPrefix(e.Name(), prefix); ok && (found == "" || rest == version) {
			found = filepath.Join(dir, e.Name())
		}
	}
	return found
}

// shim is where a shim lies: the folder that the environment names, else beside the executable, else where images put it.
func shim(name string) string {
	dirs := []string{os.Getenv(ShimsEnv)}
	if dirs[0] == "" {
		dirs = append(besideExecutable(), "/usr/local/lib/videosdgx", "/usr/lib")
	}
	for _, dir := range dirs {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			return filepath.Join(dir, name)
		}
	}
	return name // dlopen says that it is missing
}
