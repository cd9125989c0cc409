package cli

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/cmd/internal/manual"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestFlagsWithKnownValuesComplete(t *testing.T) {
	for line, want := range map[string]string{
		"jobs ls --state de":            "dead\n",
		"generate --priority h":         "high\n",
		"models build x --quant nv":     "nvfp4\n",
		"models build x --engines cu":   "cuda\n",
		"serve --driver pr":             "process\n",
		"demo --driver pr":              "process\n",
		"init --language py":            "python\n",
		"serve --log-level w":           "warn\n",
		"serve --snapshots o":           "off\n",
		"models inspect --models .. cl": "cli\n",
	} {
		if out, _, err := runCLI(t, t.Context(), append([]string{"__complete"}, strings.Fields(line)...)...); err != nil || !strings.Contains(out, want) {
			t.Errorf("%s: %q, %v", line, out, err)
		}
	}
}

func TestFlagsCompleteFromTheServer(t *testing.T) {
	url := jobServer(t, func(ctx context.Context, _ jobstest.Call) (*spec.Result, error) { return jobstest.Block(ctx) })
	if out, _, err := runCLI(t, t.Context(), "__complete", "jobs", "ls", "--server", url, "--model", "wan"); err != nil || !strings.Contains(out, "wan21\t") {
		t.Errorf("%q, %v", out, err)
	}
	for flag, command := range map[string]string{"stop": "ps", "name": "deploy"} {
		cmd, _, err := Root().Find([]string{command})
		if err != nil {
			t.Fatal(err)
		}
		if complete, found := cmd.GetFlagCompletionFunc(flag); !found || complete == nil {
			t.Errorf("%s --%s completes nothing", command, flag)
		}
	}
}

// TestNextStepsRunAsTheyAre: what init prints is pasted into a shell, whose folder each line leaves as it was.
func TestNextStepsRunAsTheyAre(t *testing.T) {
	for _, language := range manual.Languages {
		t.Chdir(t.TempDir())
		out, _, err := runCLI(t, t.Context(), "init", "hello", "--language", language)
		if err != nil {
			t.Fatal(err)
		}
		_, steps, found := strings.Cut(out, "next:\n")
		script := `set -e
go() { test -f main.go; }; docker() { test -f function.yaml; }; tar() { :; }
videosdgx() { test -f "$2/function.yaml" && echo "$1 $2"; }
` + steps
		got, err := exec.Command("bash", "-c", script).CombinedOutput()
		if !found || err != nil || string(got) != "deploy hello\ninvoke hello\n" {
			t.Errorf("%s: %q, %v", language, got, err)
		}
	}
}
