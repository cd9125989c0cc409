package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/cmd/internal/daemon"
	"github.com/videosdgx/videosdgx/cmd/internal/doctor"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/runtime/gateway"
)

func init() { commands = append(commands, newDoctorCmd) }

func newDoctorCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say which parts this machine has, and how to get the others",
		Long: `Look for every real part that VideosDGX stands on (containerd and its shim, an OCI runtime, CRIU, nftables, ONNX
Runtime, ffmpeg, NVML, memory, CUDA checkpoints, TensorRT, cgroups) and say what was found, which version, and the command that
installs what is missing. Each variable of the environment that names a library, a program or a folder ('videosdgx help environment'
lists them) is held to what it has to name.

The exit status is 0 when everything that generating a clip needs is there and every such variable that is set is right, else 1.`,
		Example: `  videosdgx doctor
  videosdgx doctor --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found := doctor.Run(cmd.Context(), daemon.ContainerdParts, doctor.One(onnxRuntime), doctor.One(doctor.Ffmpeg()),
				daemon.GPUParts, doctor.One(doctor.GPULibraries("/", gpuFolder())), doctor.One(tensorRT), doctor.One(doctor.Cgroups()),
				doctor.Variables(variables, os.LookupEnv))
			if err := emit(cmd, found, func(w io.Writer) error { return printFindings(w, found) }); err != nil {
				return err
			}
			if !doctor.Healthy(found) {
				return &ExitError{Code: 1, Err: errors.New(unhealthy(found))}
			}
			return nil
		},
	}
	addJSONFlag(cmd)
	return cmd
}

// onnxRuntime loads the library and begins as an engine would: a file that is there may still be the wrong one.
func onnxRuntime(context.Context) doctor.Finding {
	f := doctor.Finding{Part: "ONNX Runtime", Required: true, Fix: "make setup"}
	path, err := ort.FindLibrary()
	if err != nil {
		f.Detail = gateway.Sentence(err)
		return f
	}
	library, err := ort.Load()
	if err == nil {
		err = library.Usable(engine.Device{})
	}
	if err != nil {
		f.Detail = gateway.Sentence(err)
		return f
	}
	f.OK, f.Version, f.Detail, f.Fix = true, library.Version(), path, ""
	return f
}

// tensorRT opens the library through its shim, which refuses another version than its own.
func tensorRT(context.Context) doctor.Finding {
	f := doctor.Finding{Part: "TensorRT", Fix: "make setup-tensorrt"}
	all, err := tensorrt.Find()
	if err != nil && os.Getenv(tensorrt.LibraryEnv) == "" {
		f.Detail = "not found; ONNX Runtime runs models without it"
		return f
	}
	if err != nil {
		f.Detail, f.Fix = gateway.Sentence(err), ""
		return f
	}
	lib, err := tensorrt.Load(all[0])
	if err != nil {
		f.Detail, f.Fix = gateway.Sentence(err), ""
		return f
	}
	defer lib.Close()
	f.OK, f.Version, f.Detail, f.Fix = true, lib.Name(), all[0].Library, ""
	if all[0].Parser == "" {
		f.Detail += "; runs plans and builds none: its ONNX parser is not beside it"
	}
	return f
}

// unhealthy says in a sentence what the findings come to.
func unhealthy(fs []doctor.Finding) string {
	var wrong []string
	missing := false
	for _, f := range fs {
		switch {
		case f.OK:
		case f.Set:
			wrong = append(wrong, f.Part)
		case f.Required:
			missing = true
		}
	}
	switch {
	case len(wrong) == 0:
		return "something that generating needs is missing; the commands above install it"
	case missing:
		return "wrong in the environment: " + strings.Join(wrong, ", ") + "; and something that generating needs is missing; what would do is said above"
	}
	return "wrong in the environment: " + strings.Join(wrong, ", ") + "; what would do is said above"
}

func printFindings(w io.Writer, fs []doctor.Finding) error {
	rows := make([][]string, len(fs))
	for i, f := range fs {
		mark := "ok"
		switch {
		case !f.OK && f.Set:
			mark = "WRONG"
		case !f.OK && f.Required:
			mark = "MISSING"
		case !f.OK:
			mark = "absent"
		}
		rows[i] = []string{mark, f.Part, f.Version, f.Detail}
		if f.Fix != "" {
			rows[i][3] += ": " + f.Fix
		}
	}
	return table(w, []string{"", "part", "version", "what was found"}, rows)
}

// gpuFolder is where functions on a GPU look for its libraries.
func gpuFolder() string {
	if dir := os.Getenv(ort.GPUDirEnv); dir != "" {
		return dir
	}
	return ort.GPUDir
}
