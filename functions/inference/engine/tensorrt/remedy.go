package tensorrt

import (
	"os"
	"path/filepath"
)

// Another says how to get a TensorRT where the one that was found will not do, as the end of a sentence: what LibraryEnv names is the
// only one that is looked at.
func Another() string {
	if os.Getenv(LibraryEnv) != "" {
		return "unset " + LibraryEnv + " and run `make setup-tensorrt`"
	}
	return "run `make setup-tensorrt`"
}

// buildsShim is the command that builds a shim. The headers of TensorRT 8.6 may not be shipped: they are the user's own.
func buildsShim(path string) string {
	if filepath.Base(path) == "libvdx_trt8.so" {
		return "`make tensorrt-shims TRT8_INCLUDE=FOLDER`, with the folder of TensorRT 8.6's headers,"
	}
	return "`make tensorrt-shims`"
}
