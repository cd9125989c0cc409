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

// plannerRemedy says how to get the planner's program, as the end of a sentence: what PlannerEnv names is the only one that is started.
func plannerRemedy() string {
	if os.Getenv(PlannerEnv) != "" {
		return "correct " + PlannerEnv + ", or unset it and run `make build`"
	}
	return "run `make build`"
}

// shimRemedy says how to get a shim, as the end of a sentence. The headers of TensorRT 8.6 may not be shipped: they are the user's own.
func shimRemedy(path string) string {
	run := "run "
	if os.Getenv(ShimsEnv) != "" {
		run = "correct " + ShimsEnv + ", or unset it and run "
	}
	if filepath.Base(path) == "libvdx_trt8.so" {
		return run + "`make tensorrt-shims TRT8_INCLUDE=FOLDER`, with the folder of TensorRT 8.6's headers"
	}
	return run + "`make tensorrt-shims`"
}
