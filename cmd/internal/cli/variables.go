package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/cmd/internal/doctor"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/isa"
	"github.com/videosdgx/videosdgx/runtime/client"
	"github.com/videosdgx/videosdgx/runtime/gateway"
)

func init() { commands = append(commands, newEnvironmentTopic) }

// operators is what a library of this project's operators has to be.
var operators = doctor.Shared{Is: "library of operators", Symbol: "RegisterCustomOps"}

// variables are those of the environment that are no setting of serve and that a person may set: help environment lists them, doctor
// holds their values to what they have to be, and no others but those are known.
var variables = []doctor.Variable{
	{Name: "VIDEOSDGX_SERVER", Is: "the server that commands ask, as --server", Fix: "write it like http://127.0.0.1:9000 or unix:///run/videosdgx.sock", Check: only(serverAddress)},
	{Name: "VIDEOSDGX_KEY", Is: "the key or token for a server that asks for one"},
	{Name: "VIDEOSDGX_API_KEY", Is: "the same, where VIDEOSDGX_KEY is not set"},
	{Name: "VIDEOSDGX_KEY_FILE", Is: "a file with that key, as --key-file", Fix: "name the file with the line that 'videosdgx keys create' has printed", Check: only(doctor.Regular)},
	{Name: "VIDEOSDGX_ORT_LIB", Is: "ONNX Runtime's library, libonnxruntime.so.1", Fix: "correct it, or unset it and run make setup", Check: file(onnxRuntimeLibrary)},
	{Name: "VIDEOSDGX_KERNELS_LIB", Is: "the operators for the CPU, libvideosdgx_kernels.so", Fix: "correct it, or unset it and run make build", Check: file(operators)},
	{Name: "VIDEOSDGX_KERNELS_ISA", Is: "the instruction set that those operators use, by default the best there is", Fix: "correct it, or unset it", Check: only(isa.Wrong)},
	{Name: "VIDEOSDGX_GPU_LIB", Is: "the folder with ONNX Runtime's CUDA build and what it loads", Fix: "correct it, or unset it and run make setup-gpu", Check: only(gpuLibraries)},
	{Name: "VIDEOSDGX_CUDA_KERNELS", Is: "the operators for GPUs, libvideosdgx_kernels_cuda.so", Fix: "correct it, or unset it and run make setup-gpu", Check: file(operators)},
	{Name: tensorrt.LibraryEnv, Is: "a TensorRT library, or a folder with one", Fix: "name libtensorrt_rtx.so.1.x.y or libnvinfer.so.11, .10 or .8, or unset it and run make setup-tensorrt", Check: only(tensorRTLibrary)},
	{Name: tensorrt.ShimsEnv, Is: "the folder with libvdx_trt*.so, which call TensorRT", Fix: "correct it, or unset it and run make tensorrt-shims", Check: only(shims)},
	{Name: tensorrt.PlannerEnv, Is: "the program that builds TensorRT's plans, videosdgx-planner", Fix: "correct it, or unset it and run make build", Check: only(doctor.Program)},
	{Name: "VIDEOSDGX_FFMPEG", Is: "the ffmpeg that muxes clips", Fix: "correct it, or unset it and run apt-get install ffmpeg", Check: only(doctor.Program)},
	{Name: "VIDEOSDGX_PREFIX", Is: "where containerd, runc and others lie that are newer than the system's", Fix: "correct it, or unset it and run make setup", Check: only(doctor.Folder)},
	{Name: "VIDEOSDGX_CRIU", Is: "the folder with a CRIU of its own, in sbin", Fix: "correct it, or unset it and run make setup", Check: only(criuFolder)},
	{Name: "VIDEOSDGX_CACHE", Is: "where checks of weights are remembered; made when it is missing", Fix: "name a folder, or unset it", Check: only(newFolder)},
	{Name: "VIDEOSDGX_THREADS", Is: "threads inside one operator of a function that is started by hand", Fix: "write a number from 1 on, or unset it", Check: only(number)},
	{Name: "VIDEOSDGX_CUDA_GRAPHS", Is: "for how many shapes a function records its runs on a GPU: off, on or a number", Fix: "write off, on or a number of shapes, or unset it", Check: only(graphs)},
	{Name: "VIDEOSDGX_PLANS", Is: "another folder for TensorRT's plans than the bundle's; made when it is missing", Fix: "name a folder, or unset it", Check: only(newFolder)},
}

// only is a check of something that has no version.
func only(check func(string) string) func(context.Context, string) (string, string) {
	return func(_ context.Context, value string) (string, string) { return "", check(value) }
}

func file(s doctor.Shared) func(context.Context, string) (string, string) {
	return func(_ context.Context, value string) (string, string) { return s.Check(value) }
}

// onnxRuntimeLibrary is what ONNX Runtime has to be.
var onnxRuntimeLibrary = doctor.Shared{Is: "ONNX Runtime", Symbol: "OrtGetApiBase", Version: ort.NeededVersion()}

func serverAddress(value string) string {
	if _, err := client.New(client.Options{Server: value, Key: "none"}); err != nil {
		return "which is not the address of a server"
	}
	return ""
}

func gpuLibraries(dir string) string { return doctor.GPUFolder(dir, onnxRuntimeLibrary, operators) }

func tensorRTLibrary(path string) string {
	all, wrong := tensorrt.At(path)
	if len(all) == 0 {
		return wrong
	}
	if _, wrong = (doctor.Shared{}).Check(all[0].Library); wrong != "" {
		return wrong
	}
	lib, err := tensorrt.Load(all[0]) // its shim refuses another version than its own
	if err != nil {
		reason, _, _ := strings.Cut(gateway.Sentence(err), "; ") // what would do is said once, by Fix
		return "which cannot be used (" + reason + ")"
	}
	lib.Close()
	return ""
}

func shims(dir string) string {
	if wrong := doctor.Folder(dir); wrong != "" {
		return wrong
	}
	all, err := filepath.Glob(filepath.Join(dir, "libvdx_trt*.so"))
	if err != nil || len(all) == 0 {
		return "a folder without libvdx_trt*.so"
	}
	for _, path := range all {
		if _, wrong := (doctor.Shared{}).Check(path); wrong != "" {
			return "with " + filepath.Base(path) + ", " + wrong
		}
	}
	return ""
}

func criuFolder(dir string) string {
	if wrong := doctor.Folder(dir); wrong != "" {
		return wrong
	}
	if doctor.Program(filepath.Join(dir, "sbin", "criu")) != "" {
		return "a folder without sbin/criu"
	}
	return ""
}

// newFolder is a folder, or the path of one that can be made.
func newFolder(dir string) string {
	st, err := os.Stat(dir)
	if err == nil && !st.IsDir() {
		return "which is a file, where a folder is expected"
	}
	return ""
}

func graphs(value string) string {
	if n, err := strconv.Atoi(value); value == "on" || value == "off" || err == nil && n >= 0 {
		return ""
	}
	return "which is neither off, on nor a number"
}

func number(value string) string {
	if n, err := strconv.Atoi(value); err != nil || n < 1 {
		return "which is no number from 1 on"
	}
	return ""
}

// newEnvironmentTopic is no command: help environment prints it.
func newEnvironmentTopic() *cobra.Command {
	return &cobra.Command{Use: "environment", Short: "The variables of the environment that are heeded", Long: environment()}
}

func environment() string {
	var b strings.Builder
	b.WriteString(`Every flag of serve is also a variable, VIDEOSDGX_ and its name in capitals, as serve --help names it: VIDEOSDGX_LISTEN,
VIDEOSDGX_KEEP_ALIVE and so on; VIDEOSDGX_MODELS, VIDEOSDGX_DATA and VIDEOSDGX_MODELS_LIMIT are heeded by the commands for models too.
'videosdgx config check' checks those. The others are these; doctor says of each that is set whether it names what it has to, and a
variable that begins with VIDEOSDGX_ and is none of either is warned of. Those of libraries are handed to functions that run as
processes; in images functions have their own. What a single function is to have is env in its manifest.

`)
	for _, v := range variables {
		fmt.Fprintf(&b, "  %-24s  %s\n", v.Name, v.Is)
	}
	b.WriteString("\nNO_COLOR, TERM, LANG and LC_ALL mean what they do elsewhere.")
	return b.String()
}
