package cli

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestWhatIsMissingIsNamed(t *testing.T) {
	for line, want := range map[string]string{
		"generate":         "PROMPT is missing: write it like 'videosdgx generate PROMPT'",
		"invoke":           "FUNCTION[:QUALIFIER] is missing",
		"jobs show":        "ID is missing: write it like 'videosdgx jobs show ID'",
		"generate a b":     `"b" is one argument too many: write it like 'videosdgx generate PROMPT', with quotes`,
		"snapshot inspect": "ID is missing",
		"doctor x":         `"x" is one argument too many: 'videosdgx doctor' takes none`,
		"logs x --folow":   `unknown flag: --folow; did you mean --follow?`,
		"logs x --nothing": `unknown flag: --nothing: 'videosdgx logs --help' lists those there are`,
		"logs x -z":        `'videosdgx logs --help' lists those there are`,
		"deploy nosuch x":  `"x" is one argument too many`,
		"models bulid":     `'videosdgx models' has no command "bulid"; did you mean 'videosdgx models build'?`,
		"jobs lst":         `did you mean 'videosdgx jobs ls'`,
		"jobs nonsense":    `'videosdgx jobs --help' lists`,
	} {
		_, _, err := runCLI(t, t.Context(), strings.Fields(line)...)
		if code, _ := status(t.Context(), err); err == nil || !strings.Contains(err.Error(), want) || code != wrongUsage {
			t.Errorf("%s: %v, status %d", line, err, code)
		}
	}
}

func TestDeployOfNoFolderSaysHowToBegin(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, _, err := runCLI(t, t.Context(), "deploy", "nosuch"); err == nil || !strings.Contains(err.Error(), "there is no nosuch") || !strings.Contains(err.Error(), "videosdgx init") {
		t.Errorf("%v", err)
	}
}

func TestUnknownVariablesAreWarnedOf(t *testing.T) {
	got := unknownVariables([]string{"PATH=/", "VIDEOSDGX_DATA=/x", "VIDEOSDGX_SERVER=y", "VIDEOSDGX_TEST_ANY=1", "VIDEOSDGX_LISTN=:1", "VIDEOSDGX_WHATEVER=1"})
	want := []string{"VIDEOSDGX_LISTN is no variable that videosdgx knows and has no effect; did you mean VIDEOSDGX_LISTEN?", "VIDEOSDGX_WHATEVER is no variable that videosdgx knows and has no effect"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestVersionFlag(t *testing.T) {
	if out, _, err := runCLI(t, t.Context(), "--version"); err != nil || !strings.HasPrefix(out, "videosdgx ") || strings.Count(out, "\n") != 1 {
		t.Errorf("%q, %v", out, err)
	}
}

func TestJobsByTheBeginningOfTheirIDs(t *testing.T) {
	url := jobServer(t, func(ctx context.Context, _ jobstest.Call) (*spec.Result, error) { return jobstest.Block(ctx) })
	id, _, err := runCLI(t, t.Context(), "generate", "x", "--detach", "--server", url)
	if err != nil {
		t.Fatal(err)
	}
	id = strings.TrimSpace(id)
	if out, _, err := runCLI(t, t.Context(), "jobs", "show", id[:9], "--server", url); err != nil || !strings.Contains(out, id) {
		t.Errorf("%q, %v", out, err)
	}
	other, _, err := runCLI(t, t.Context(), "generate", "y", "--detach", "--server", url)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := runCLI(t, t.Context(), "jobs", "cancel", id[:1], "--server", url); err == nil || !strings.Contains(err.Error(), "several jobs") || !strings.Contains(err.Error(), strings.TrimSpace(other)) {
		t.Errorf("%v", err)
	}
	if out, _, err := runCLI(t, t.Context(), "jobs", "get", strings.ToUpper(id[:30]), "--server", url); err != nil || !strings.Contains(out, id) {
		t.Errorf("%s %v", out, err)
	}
	if _, _, err := runCLI(t, t.Context(), "jobs", "show", "ffff", "--server", url); err == nil || !strings.Contains(err.Error(), "none whose id begins like that: `videosdgx jobs ls`") {
		t.Error(err)
	}
	if _, _, err := runCLI(t, t.Context(), "jobs", "show", "zzz", "--server", url); err == nil || !strings.Contains(err.Error(), "there is no job zzz: ids are") {
		t.Errorf("%v", err)
	}
}

func TestCompletionKnowsWhatTheServerHas(t *testing.T) {
	run := newCLI(t, gatewaytest.Echo)
	if _, _, err := run("deploy", "--name", "echo", "--image", "x"); err != nil {
		t.Fatal(err)
	}
	for _, line := range [][]string{{"invoke"}, {"logs"}, {"ps"}, {"snapshot", "create"}} {
		root := Root()
		cmd, _, err := root.Find(line)
		if err != nil || cmd.ValidArgsFunction == nil {
			t.Fatalf("%v completes nothing: %v", line, err)
		}
	}
	url := jobServer(t, func(ctx context.Context, _ jobstest.Call) (*spec.Result, error) { return jobstest.Block(ctx) })
	id, _, err := runCLI(t, t.Context(), "generate", "a\tdog", "--detach", "--server", url)
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"__complete jobs show --server " + url + " 0":          strings.TrimSpace(id) + "\t",
		"__complete generate --server " + url + " --model wan": "wan21\t",
	} {
		if out, _, err := runCLI(t, t.Context(), strings.Split(line, " ")...); err != nil || !strings.Contains(out, want) {
			t.Errorf("%s: %q, %v", line, out, err)
		}
	}
}
