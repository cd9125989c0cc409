package ort

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// LibraryEnv names the library file and wins over every place searched.
const LibraryEnv = "VIDEOSDGX_ORT_LIB"

// InstallDir is where `make setup` puts the library.
const InstallDir = "/usr/local/lib/videosdgx"

var libraryNames = []string{"libonnxruntime.so.1", "libonnxruntime.so"}

// FindLibrary is the path of libonnxruntime: what LibraryEnv names, else the first found beside the executable, under the
// data directory's prefix, where `make setup` installs, and where distributions put libraries.
func FindLibrary() (string, error) {
	if path := os.Getenv(LibraryEnv); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("%s names %s, which cannot be read (%w); correct it, or unset it and run `make setup`: %w",
				LibraryEnv, path, err, errdefs.ErrNotFound)
		}
		return path, nil
	}
	for _, dir := range libraryDirs() {
		for _, name := range libraryNames {
			if path := filepath.Join(dir, name); isFile(path) {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("ONNX Runtime (libonnxruntime.so.1) is not installed: run `make setup`, or set %s to its path: %w",
		LibraryEnv, errdefs.ErrNotFound)
}

func libraryDirs() []string {
	var dirs []string
	if exe, err := os.Executable(); err == nil {
		dir := filepath.Dir(exe)
		dirs = append(dirs, dir, filepath.Join(dir, "lib"), filepath.Join(dir, "..", "lib"))
	}
	if data := os.Getenv("VIDEOSDGX_DATA"); data != "" {
		dirs = append(dirs, filepath.Join(data, "lib"), filepath.Join(data, "prefix", "lib"))
	}
	triplet := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[runtime.GOARCH]
	return append(dirs, InstallDir, "/opt/videosdgx/lib", "/usr/local/lib", filepath.Join("/usr/lib", triplet), "/usr/lib", "/opt/onnxruntime/lib")
}

func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}

// GPUDirEnv names another folder than GPUDir for the CUDA build of the library and what it loads.
const (
	GPUDirEnv = "VIDEOSDGX_GPU_LIB"
	GPUDir    = "/opt/videosdgx/gpu/lib" // where `make setup-gpu` puts it
)

// libraryFor is FindLibrary, and for a GPU the build that knows one, where it is installed.
func libraryFor(d engine.Device) (string, error) {
	if path := filepath.Join(gpuDir(), libraryNames[0]); !d.Host() && os.Getenv(LibraryEnv) == "" && isFile(path) {
		return path, nil
	}
	return FindLibrary()
}

func gpuDir() string {
	if dir := os.Getenv(GPUDirEnv); dir != "" {
		return dir
	}
	return GPUDir
}
