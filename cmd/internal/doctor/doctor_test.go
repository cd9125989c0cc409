package doctor

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func script(t *testing.T, name, body string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, []byte("#!/bin/sh\n"+body), 0o755); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProgram(t *testing.T) {
	good := script(t, "tool", "echo tool version 1.2.3-rc1")
	bad := script(t, "broken", "exit 3")
	if f := program("x", true, "fix it", "/not/there", bad, good)(t.Context()); !f.OK || f.Version != "1.2.3-rc1" || f.Detail != good {
		t.Errorf("found %+v", f)
	}
	if f := program("x", true, "fix it", bad)(t.Context()); f.OK || f.Fix != "fix it" || !strings.Contains(f.Detail, "exit status 3") {
		t.Errorf("a program that fails: %+v", f)
	}
}

func TestCgroups(t *testing.T) {
	v2 := t.TempDir()
	if err := os.WriteFile(v2+"/cgroup.controllers", []byte("cpu io memory\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if f := cgroupsIn(v2)(t.Context()); f.OK || f.Version != "v2" || !strings.Contains(f.Detail, "pids") {
		t.Errorf("v2 without pids: %+v", f)
	}
	v1 := t.TempDir()
	for _, c := range controllers {
		if err := os.Mkdir(v1+"/"+c, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if f := cgroupsIn(v1)(t.Context()); !f.OK || f.Version != "v1" {
		t.Errorf("v1: %+v", f)
	}
}

func TestRunKeepsOrder(t *testing.T) {
	probe := func(part string, ok bool) Group {
		return One(func(context.Context) Finding { return Finding{Part: part, OK: ok, Required: part == "b"} })
	}
	got := Run(t.Context(), probe("a", false), probe("b", true))
	if got[0].Part != "a" || got[1].Part != "b" || !Healthy(got) {
		t.Errorf("%+v", got)
	}
	if Healthy(Run(t.Context(), probe("b", false))) {
		t.Error("a required part is missing, and that is called healthy")
	}
}
