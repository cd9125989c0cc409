package cli

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestNear(t *testing.T) {
	all := []string{"ltx2", "magi1", "wan21", "wan22", "wan22-ti2v"}
	for name, want := range map[string][]string{
		"wan2.1": {"wan21", "wan22"}, "WAN21": {"wan21", "wan22"}, "wan": {"wan21", "wan22", "wan22-ti2v"}, "ltx-2": {"ltx2"}, "magi": {"magi1"},
		"sora": nil, "": nil, "wan22-ti2v-5b": {"wan22-ti2v", "wan22"},
	} {
		if got := near(name, all); !slices.Equal(got, want) {
			t.Errorf("%q: %q, not %q", name, got, want)
		}
	}
}

func TestGenerateWithAModelThatIsNotThereNamesThoseThatMayBeMeant(t *testing.T) {
	url := jobServer(t, func(ctx context.Context, _ jobstest.Call) (*spec.Result, error) { return jobstest.Block(ctx) })
	for model, want := range map[string]string{"wan2.1": `there is no model "wan2.1"`, "WAN": "did you mean wan21?", "wan2.2": "did you mean wan21?"} {
		if _, _, err := runCLI(t, t.Context(), "generate", "x", "--server", url, "--model", model); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", model, err)
		}
	}
	if _, _, err := runCLI(t, t.Context(), "generate", "x", "--server", url, "--model", "sora"); err == nil || strings.Contains(err.Error(), "did you mean") {
		t.Error(err)
	}
}
