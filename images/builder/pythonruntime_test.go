package builder

import (
	"os"
	"os/exec"
	"testing"
)

// TestChildrenOfPythonDoNotAskForEvents: multiprocessing's spawn and forkserver import the main file again in each child, under
// another name; one that ran there would take events from its parent.
func TestChildrenOfPythonDoNotAskForEvents(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "python3", "-c", "import runpy; runpy.run_path('../python/app/runtime.py', run_name='__mp_main__')", "app.handler")
	cmd.Env = append(os.Environ(), "AWS_LAMBDA_RUNTIME_API=127.0.0.1:1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
