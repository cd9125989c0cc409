package containerd

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/tool"
)

// built holds the binaries that the tests need, made once: videosdgx-init and the functions to run.
var built struct{ init, echo, hostile, companion string }

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "videosdgx-containerd-test")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := 1
	if err := buildAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else if code = m.Run(); code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "goroutines are left:", err)
			code = 1
		}
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func buildAll(dir string) error {
	for _, b := range []struct {
		out *string
		pkg string
	}{
		{&built.init, "github.com/videosdgx/videosdgx/cmd/videosdgx-init"},
		{&built.echo, "github.com/videosdgx/videosdgx/images/echo"},
		{&built.hostile, "./testdata/hostile"},
		{&built.companion, "./testdata/companion"},
	} {
		*b.out = filepath.Join(dir, filepath.Base(b.pkg))
		cmd := exec.Command("go", "build", "-trimpath", "-o", *b.out, b.pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go build %s: %w\n%s", b.pkg, err, out)
		}
	}
	return nil
}

// required tells whether a missing prerequisite is a failure.
func required() bool { return os.Getenv("VIDEOSDGX_TEST_CONTAINERD") == "1" }

// missing fails, or skips where the containerd path is not asked for.
func missing(t testing.TB, what string) {
	t.Helper()
	if required() {
		t.Fatalf("VIDEOSDGX_TEST_CONTAINERD=1, but %s", what)
	}
	t.Skipf("NOT TESTED: %s (set VIDEOSDGX_TEST_CONTAINERD=1 to make this a failure)", what)
}

// need checks the prerequisites of every test that runs instances.
func need(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "containerd needs root")
	}
	for _, name := range []string{"containerd", "containerd-shim-runc-v2", "runc"} {
		if _, ok := tool.Find(context.Background(), tool.DefaultPrefix, name); !ok {
			missing(t, name+" is not installed")
		}
	}
}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}
