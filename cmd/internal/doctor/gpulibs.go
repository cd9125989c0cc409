package doctor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// gpuFiles are what functions on a GPU load, as `make setup-gpu` puts them side by side.
var gpuFiles = []string{
	"libonnxruntime.so.1", "libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so", "libcudart.so.13", "libcublas.so.13",
	"libcublasLt.so.13", "libcurand.so.10", "libcudnn.so.9", "libcudnn_graph.so.9", "libcudnn_engines_runtime_compiled.so.9", "libnvrtc.so.13",
	"libnvrtc-builtins.so.13.0", "libvideosdgx_kernels_cuda.so",
}

// oldestDriver is the first branch of the driver that CUDA 13, which the libraries are built for, runs on.
const oldestDriver = 580

// GPULibraries looks in dir for the libraries of functions on a GPU, and whether the driver below root ("/") is new enough for
// them. They are not required: functions without a GPU load none of them.
func GPULibraries(root, dir string) Probe {
	return func(context.Context) Finding {
		f := Finding{Part: "GPU libraries", Fix: "make setup-gpu"}
		driver := driverVersion(root)
		missing := missingFiles(dir)
		switch {
		case driver == "" && len(missing) == len(gpuFiles):
			f.Detail, f.Fix = "no NVIDIA driver, and none of the libraries: functions run on the CPU", "install the NVIDIA driver (580 or newer), then make setup-gpu"
		case len(missing) > 0:
			f.Detail = fmt.Sprintf("%s has no %s", dir, strings.Join(missing, ", "))
		case driver == "":
			f.Detail, f.Fix = "they are in "+dir+", but there is no NVIDIA driver", "install the NVIDIA driver, 580 or newer"
		case branch(driver) < oldestDriver:
			f.Detail, f.Fix = fmt.Sprintf("they are built for CUDA 13, which driver %s is too old for", driver), "install the NVIDIA driver, 580 or newer"
		default:
			return Finding{Part: f.Part, OK: true, Version: version(dir), Detail: dir + ", driver " + driver}
		}
		return f
	}
}

func missingFiles(dir string) (missing []string) {
	for _, name := range gpuFiles {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			missing = append(missing, name)
		}
	}
	return missing
}

// version is what setup-gpu has written beside the folder.
func version(dir string) string {
	raw, err := os.ReadFile(filepath.Join(filepath.Dir(dir), "VERSION"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}

var driverForm = regexp.MustCompile(`\b(\d{3,}\.\d+(\.\d+)?)\b`)

// driverVersion is that of the kernel's module; "" without one.
func driverVersion(root string) string {
	raw, err := os.ReadFile(filepath.Join(root, "proc/driver/nvidia/version"))
	if err != nil {
		return ""
	}
	return driverForm.FindString(string(raw))
}

func branch(driver string) int {
	major, _, _ := strings.Cut(driver, ".")
	n, err := strconv.Atoi(major)
	if err != nil {
		return 0
	}
	return n
}
