package wan

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// idleChild names the bundle that a child of the test opens, uses and holds while it reports its memory.
const idleChild = "WAN21_TEST_IDLE_BUNDLE"

// An idle warm instance holds no weights in memory of its own, however large they are. Measured in a process of its own,
// since a test binary is not an instance.
func TestIdleMemoryDoesNotGrowWithWeights(t *testing.T) {
	if dir := os.Getenv(idleChild); dir != "" {
		reportIdle(t, dir)
		return
	}
	kernelstest.Library(t)
	dir := filepath.Join(t.TempDir(), "big")
	recipe := func(c *weights.Checkpoint) (bundle.Recipe, error) { return RandomRecipe(c, 256<<20) }
	if _, err := serve.Build(context.Background(), demoCheckpoint, dir, recipe, bundle.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, bundle := range []string{demoBundle(t), dir} {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestIdleMemoryDoesNotGrowWithWeights$", "-test.v")
		cmd.Env = append(os.Environ(), idleChild+"="+bundle)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Logf("%s: %s", filepath.Base(bundle), out)
	}
}

func reportIdle(t *testing.T, dir string) {
	p := openPipeline(t, dir, engine.Options{})
	r := small()
	r.Width, r.Height, r.NumFrames, r.Steps = 32, 32, 5, 1
	if err := p.Generate(context.Background(), r, silence()); err != nil {
		t.Fatal(err)
	}
	kb := int64(-1)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		fmt.Sscanf(line, "RssAnon: %d kB", &kb)
	}
	t.Logf("anonymous memory of an idle warm process: %.1f MB", float64(kb)*1024/1e6)
	if kb < 0 || kb*1024 > 60e6 {
		t.Errorf("idle anonymous memory is %d kB, at most 60 MB are allowed", kb)
	}
}
