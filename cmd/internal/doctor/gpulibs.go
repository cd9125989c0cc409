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
		case unfit(dir) != "":
			f.Detail = unfit(dir)
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

// unfit says which of the libraries in dir is none for this machine; "" where all are.
func unfit(dir string) string {
	for _, name := range gpuFiles {
		if _, wrong := (Shared{}).Check(filepath.Join(dir, name)); wrong != "" {
			return fmt.Sprintf("%s has %s, %s", dir, name, wrong)
		}
	}
	return ""
}

// GPUFolder says what keeps dir from being the folder of those libraries, as Shared.Check does; runtime and operators are what ONNX
// Runtime and the operators in it have to be.
func GPUFolder(dir string, runtime, operators Shared) string {
	if wrong := Folder(dir); wrong != "" {
		return wrong
	}
	if missing := missingFiles(dir); len(missing) > 0 {
		return "a folder without " + strings.Join(missing, ", ")
	}
	if wrong := unfit(dir); wrong != "" {
		return "a folder that does not do: " + wrong
	}
	for name, s := range map[string]Shared{gpuFiles[0]: runtime, gpuFiles[len(gpuFiles)-1]: operators} {
		if _, wrong := s.Check(filepath.Join(dir, name)); wrong != "" {
			return fmt.Sprintf("a folder that does not do: its %s is a file %s", name, wrong)
		}
	}
	return ""
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
