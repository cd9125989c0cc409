package ltx2

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// idleChild names the bundle that a child of the test opens, uses and holds while it reports its memory.
const idleChild = "LTX2_TEST_IDLE_BUNDLE"

// An idle warm instance holds no weights in memory of its own: 100 MB of them in a text encoder change nothing. Measured in a
// process of its own, since a test binary is not an instance.
func TestIdleMemoryDoesNotGrowWithWeights(t *testing.T) {
	if dir := os.Getenv(idleChild); dir != "" {
		reportIdle(t, dir)
		return
	}
	kernelstest.Library(t)
	dir, wide := t.TempDir(), tinyForm()
	wide["text_encoder"].(map[string]any)["text_config"].(map[string]any)["intermediate_size"] = 1 << 17
	writeForm(t, filepath.Join(dir, "wide"), wide)
	big := filepath.Join(dir, "bundle")
	if _, err := serve.Build(context.Background(), filepath.Join(dir, "wide"), big, Recipe, bundle.Options{Precision: bundle.None}); err != nil {
		t.Fatal(err)
	}
	for _, b := range []string{tinyBundle(t), big} {
		cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), idleChild+"="+b)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Logf("%s", out)
	}
}

func reportIdle(t *testing.T, dir string) {
	m := openModel(t, dir)
	generate(t, m, small())
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	kb := int64(-1)
	for line := range strings.Lines(string(status)) {
		fmt.Sscanf(line, "RssAnon: %d kB", &kb)
	}
	t.Logf("anonymous memory of an idle warm process: %.1f MB", float64(kb)*1024/1e6)
	if kb < 0 || kb*1024 > 60e6 {
		t.Errorf("idle anonymous memory is %d kB, at most 60 MB are allowed", kb)
	}
}
