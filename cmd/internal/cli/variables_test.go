package cli

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/cmd/internal/daemon"
	"github.com/videosdgx/videosdgx/cmd/internal/doctor"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
)

// TestDoctorHoldsVariablesToWhatTheyName: a sentence for each that is wrong, with what would do, and status 1.
func TestDoctorHoldsVariablesToWhatTheyName(t *testing.T) {
	if onnxRuntimeLibrary.Version != ort.NeededVersion() || !strings.HasPrefix(onnxRuntimeLibrary.Version, "1.") {
		t.Fatalf("ONNX Runtime %q", onnxRuntimeLibrary.Version)
	}
	dir := t.TempDir()
	text := filepath.Join(dir, "text.so")
	if err := os.WriteFile(text, []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	nowhere := filepath.Join(dir, "nowhere")
	for name, c := range map[string]struct{ value, wrong string }{
		"VIDEOSDGX_SERVER":       {"ftp://x", "which is not the address of a server"},
		"VIDEOSDGX_KEY_FILE":     {nowhere, "which is not there"},
		"VIDEOSDGX_ORT_LIB":      {text, "which is no shared library"},
		"VIDEOSDGX_KERNELS_LIB":  {nowhere, "which is not there"},
		"VIDEOSDGX_KERNELS_ISA":  {"avx9", "no instruction set that the operators are compiled for; "},
		"VIDEOSDGX_GPU_LIB":      {dir, "a folder without libonnxruntime.so.1"},
		"VIDEOSDGX_CUDA_KERNELS": {dir, "which is a folder, where a file is expected"},
		"VIDEOSDGX_TRT_LIB":      {text, "a file that is not called like a TensorRT library"},
		"VIDEOSDGX_TRT_SHIMS":    {dir, "a folder without libvdx_trt*.so"},
		"VIDEOSDGX_TRT_PLANNER":  {text, "which cannot be run (permission denied)"},
		"VIDEOSDGX_FFMPEG":       {nowhere, "which cannot be run (no such file or directory)"},
		"VIDEOSDGX_PREFIX":       {nowhere, "which is not there"},
		"VIDEOSDGX_CRIU":         {dir, "a folder without sbin/criu"},
		"VIDEOSDGX_CACHE":        {text, "which is a file, where a folder is expected"},
		"VIDEOSDGX_THREADS":      {"many", "which is no number from 1 on"},
		"VIDEOSDGX_CUDA_GRAPHS":  {"maybe", "which is neither off, on nor a number"},
		"VIDEOSDGX_PLANS":        {text, "which is a file, where a folder is expected"},
	} {
		t.Setenv(name, c.value)
		i := slices.IndexFunc(variables, func(v doctor.Variable) bool { return v.Name == name })
		if i < 0 {
			t.Errorf("%s is in no table", name)
			continue
		}
		if _, wrong := variables[i].Check(t.Context(), c.value); !strings.HasPrefix(wrong, c.wrong) || variables[i].Fix == "" {
			t.Errorf("%s: %q, expected %q", name, wrong, c.wrong)
		}
	}
	for _, v := range variables {
		if v.Check != nil && os.Getenv(v.Name) == "" {
			t.Errorf("%s is checked, and not here", v.Name)
		}
	}
	out, _, err := runCLI(t, t.Context(), "doctor")
	var exit *ExitError
	if !errors.As(err, &exit) || exit.Code != 1 || !strings.Contains(exit.Error(), "VIDEOSDGX_GPU_LIB, ") {
		t.Errorf("%v", err)
	}
	for _, want := range []string{"WRONG", "it is " + text + ", which is no shared library: correct it, or unset it and run make setup", "VIDEOSDGX_THREADS"} {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
			t.Errorf("doctor does not say %q:\n%s", want, out)
		}
	}
}

// TestEachShimIsLookedAt: the one that is needed may be any of them.
func TestEachShimIsLookedAt(t *testing.T) {
	lib, err := ort.FindLibrary() // any library will do
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := errors.Join(os.Symlink(lib, filepath.Join(dir, "libvdx_trt10.so")), os.WriteFile(filepath.Join(dir, "libvdx_trtrtx1.so"), []byte("cut off"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if wrong := shims(dir); wrong != "with libvdx_trtrtx1.so, which is no shared library" {
		t.Errorf("%q", wrong)
	}
}

// TestALibraryOfAnotherKindOrVersion: the real one is right where it is expected, and wrong elsewhere.
func TestALibraryOfAnotherKindOrVersion(t *testing.T) {
	lib, err := ort.FindLibrary()
	if err != nil {
		t.Fatal(err)
	}
	version, wrong := onnxRuntimeLibrary.Check(lib)
	if wrong != "" || !strings.HasPrefix(version, "1.") {
		t.Errorf("%s: %q, %q", lib, version, wrong)
	}
	later := onnxRuntimeLibrary
	later.Version = "99.1"
	if _, wrong := later.Check(lib); wrong != "which is ONNX Runtime "+version+", and 99.1 or newer is needed" {
		t.Errorf("%q", wrong)
	}
	if _, wrong := operators.Check(lib); wrong != "which is no library of operators (it gives no RegisterCustomOps)" {
		t.Errorf("%q", wrong)
	}
}

// ofFunctions are variables that the runtime makes of a manifest: whoever sets them for the server is warned that they have no effect.
var ofFunctions = []string{
	"VIDEOSDGX_GPUS", "VIDEOSDGX_DEVICE_FREE", "VIDEOSDGX_DEVICE_MEMORY", "VIDEOSDGX_ATTENTION", "VIDEOSDGX_ENGINE", "VIDEOSDGX_ACCEPT_LICENSE", "VIDEOSDGX_FILES",
	"VIDEOSDGX_GEMM_TRIALS",
}

// TestHelpEnvironmentNamesWhatIsRead: every variable of ours in the sources that ship is a setting, in the table, or given by the runtime.
func TestHelpEnvironmentNamesWhatIsRead(t *testing.T) {
	out, _, err := runCLI(t, t.Context(), "help", "environment")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range variables {
		if !strings.Contains(out, v.Name+" ") {
			t.Errorf("help environment lacks %s", v.Name)
		}
	}
	known := append(daemon.EnvNames(), ofFunctions...)
	for _, name := range inner {
		known = append(known, daemon.EnvPrefix+name)
	}
	for _, v := range variables {
		known = append(known, v.Name)
	}
	form, seen := regexp.MustCompile(`"(VIDEOSDGX_[A-Z0-9_]+)"`), 0
	for _, root := range []string{"cmd", "runtime", "functions", "snapshotter", "internal"} {
		err := filepath.WalkDir(filepath.Join("..", "..", "..", root), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !slices.Contains([]string{".go", ".cc"}, filepath.Ext(path)) || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testdata") {
				return err
			}
			raw, err := os.ReadFile(path)
			for _, m := range form.FindAllStringSubmatch(string(raw), -1) {
				seen++
				if rest := strings.TrimPrefix(m[1], daemon.EnvPrefix); !slices.Contains(known, m[1]) && !slices.ContainsFunc(beginnings, func(b string) bool { return strings.HasPrefix(rest, b) }) {
					t.Errorf("%s reads %s, which no table has", path, m[1])
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 40 {
		t.Errorf("only %d were seen", seen)
	}
}
