package cli

import (
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
)

func TestRmRemovesAFunction(t *testing.T) {
	run := newCLI(t, gatewaytest.Echo)
	for _, verb := range []string{"rm", "remove"} {
		if _, _, err := run("deploy", "--name", "echo", "--image", "x"); err != nil {
			t.Fatal(err)
		}
		if out, _, err := run(verb, "echo"); err != nil || out != "function echo removed\n" {
			t.Errorf("%s: %q, %v", verb, out, err)
		}
	}
	if _, _, err := run("rm", "echo"); err == nil || !strings.Contains(err.Error(), "echo") {
		t.Errorf("a second time: %v", err)
	}
	for _, args := range [][]string{{"rm"}, {"rm", ""}, {"rm", ".."}, {"rm", "a", "b"}} {
		if _, _, err := run(args...); err == nil {
			t.Errorf("%v is taken", args)
		}
	}
}

func TestStopEndsWhatRuns(t *testing.T) {
	run := newCLI(t, gatewaytest.Echo)
	for _, name := range []string{"echo", "other"} {
		if _, _, err := run("deploy", "--name", name, "--image", "x"); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"echo": "echo-1\n", "other-1": "other-1\n"} {
		if out, _, err := run("stop", name); err != nil || out != want {
			t.Errorf("%s: %q, %v", name, out, err)
		}
	}
	if out, _, err := run("stop", "echo", "--json"); err != nil || !strings.Contains(out, `"echo-1"`) {
		t.Errorf("%q, %v", out, err)
	}
	for _, name := range []string{"nope", "", ".."} {
		if out, _, err := run("stop", name); err == nil || name == "nope" && !strings.Contains(err.Error(), `there is no function and no instance "nope"; 'videosdgx ps' lists what runs`) {
			t.Errorf("%q: %q, %v", name, out, err)
		}
	}
}
