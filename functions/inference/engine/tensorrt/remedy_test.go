package tensorrt

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// TestWhatWouldDoIsWhatDoes: while the variable names another library, installing one helps nobody.
func TestWhatWouldDoIsWhatDoes(t *testing.T) {
	at := Install{Library: fake(t, "libtensorrt_rtx.so.1", "1", "7", "return 0;"), Shim: shimFor(t, "libvdx_trtrtx1.so")}
	for named, say := range map[string]string{"": ", or run `make setup-tensorrt`", at.Library: "unset VIDEOSDGX_TRT_LIB and run `make setup-tensorrt`"} {
		t.Setenv(LibraryEnv, named)
		if _, err := Load(at); !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), say) {
			t.Errorf("%q: %v", named, err)
		}
	}
}

func TestAShimThatIsMissingIsToldWithWhatBuildsIt(t *testing.T) {
	for name, say := range map[string]string{"libvdx_trt8.so": "`make tensorrt-shims TRT8_INCLUDE=FOLDER`", "libvdx_trt10.so": "; run `make tensorrt-shims`"} {
		_, err := Load(Install{Shim: filepath.Join(t.TempDir(), name)})
		if !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAFolderThatAnotherHoldsIsToldOfWhileItIsWaitedFor: the second build hears why nothing happens, and ends with its context.
func TestAFolderThatAnotherHoldsIsToldOfWhileItIsWaitedFor(t *testing.T) {
	dir := t.TempDir()
	p := &Plans{Dir: dir, Library: "TensorRT-RTX 1.6.1", Digest: "d", Builder: &Builder{Planner: "/nowhere"}}
	on := Target{Capability: 121}
	_, path, err := p.Fact("g.onnx", on)
	if err != nil {
		t.Fatal(err)
	}
	release, err := makeRoom(context.Background(), filepath.Dir(path), func() { t.Error("nobody else holds it") })
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	said := ""
	p.Tell = func(graph string, r Report) { said += graph + ": " + r.Said; stop() }
	if _, err := p.Plan(ctx, "g.onnx", on); !errors.Is(err, context.Canceled) || said != "g.onnx: another process builds plans in "+filepath.Dir(path)+": waiting for it to end" {
		t.Errorf("%v, said %q", err, said)
	}
}

// TestWhatTheEnvironmentNamesIsToldAsWhatIsWrong: building what it hides helps nobody.
func TestWhatTheEnvironmentNamesIsToldAsWhatIsWrong(t *testing.T) {
	t.Setenv(ShimsEnv, t.TempDir())
	if _, err := Load(Install{Shim: "libvdx_trt10.so"}); err == nil || !strings.Contains(err.Error(), "correct VIDEOSDGX_TRT_SHIMS, or unset it and run `make tensorrt-shims`") {
		t.Error(err)
	}
	t.Setenv(PlannerEnv, filepath.Join(t.TempDir(), "nothing"))
	err := Builder{}.Build(context.Background(), Recipe{Model: "g.onnx"}, filepath.Join(t.TempDir(), "g.plan"), nil)
	if !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), "correct VIDEOSDGX_TRT_PLANNER, or unset it and run `make build`") {
		t.Error(err)
	}
}
